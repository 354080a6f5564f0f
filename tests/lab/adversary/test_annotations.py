"""Whoever can write a pod's annotations writes what they like: the pod costs itself, and the registrar does as before.

Nobody has that right but the registrar, and admission refuses it at the pod itself. So this is the administrator, by
the way that the registrar takes: the pod's status.
"""

from dataclasses import dataclass
from typing import Final

import pytest

from lab.trial.deadline import holds_for, until
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.pods import Pods, RunnerPod
from lab.trial.pools import SYSTEM_NAMESPACE, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import one_job, push
from tests.lab.conftest import MakeStack
from values.contract import (
    BUSY_ANNOTATION,
    DELETION_COST_ANNOTATION,
    RUNNER_ID_ANNOTATION,
    RUNNER_LABELS_ANNOTATION,
)

THE_BYSTANDERS: Final = "that of the runner beside it"
HOSTILE: Final[dict[str, tuple[str, str]]] = {
    "an id of 4,301 digits": (RUNNER_ID_ANNOTATION, "9" * 4301),
    "another runner's id": (RUNNER_ID_ANNOTATION, THE_BYSTANDERS),
    "a negative id": (RUNNER_ID_ANNOTATION, "-1"),
    "an id past all integers": (RUNNER_ID_ANNOTATION, str(2**64)),
    "digits of another script": (RUNNER_ID_ANNOTATION, "\u0663\u0664"),
    "an id that is a path": (RUNNER_ID_ANNOTATION, "1/../../../orgs/mlops"),
    "no id": (RUNNER_ID_ANNOTATION, ""),
    "a job that is a path": (BUSY_ANNOTATION, "../../../../../orgs/mlops/actions/runners"),
    "a job with a query": (BUSY_ANNOTATION, "1?page=1#"),
    "a job that is long": (BUSY_ANNOTATION, "1" * 100_000),
    "labels of others": (RUNNER_LABELS_ANNOTATION, "self-hosted"),
    "labels without end": (RUNNER_LABELS_ANNOTATION, "," * 100_000),
    "a cost that is none": (DELETION_COST_ANNOTATION, "2147483647"),
}


def _sets() -> list[list[str]]:
    """All of them on as few pods as can be: a pod has one annotation of each name."""
    sets: list[list[str]] = []
    for name, (key, _) in HOSTILE.items():
        free = next((names for names in sets if all(HOSTILE[other][0] != key for other in names)), None)
        if free is None:
            sets.append([name])
        else:
            free.append(name)
    return sets


SETS: Final = _sets()
HOLDS_SECONDS: Final = 5.0  # a few turns of the registrar's loop


@dataclass(frozen=True)
class Scene:
    api: KubernetesApi
    pods: Pods
    victims: list[RunnerPod]
    bystander: RunnerPod

    def annotate(self, pod: RunnerPod, key: str, value: str, *, subresource: str = "") -> int:
        """The status of the API server's answer."""
        text = str(self.bystander.runner_id) if value == THE_BYSTANDERS else value
        path = f"{self.pods.path}/{pod.name}{subresource}"
        return self.api.attempt("PATCH", path, {"metadata": {"annotations": {key: text}}}).status_code

    def registrar(self) -> Json:
        (pod,) = self.api.items(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods")
        return pod


@pytest.fixture(scope="module")
def scene(api: KubernetesApi, make_stack: MakeStack, platform: Stack, pods: Pods) -> Scene:
    pools = [pool("annotated", replicas=len(SETS), protectJobSeconds=30), pool("beside")]
    make_stack("tests-annotations", pools_config(*pools)).up().succeeded()
    (bystander,) = pods.until_ready("beside", 1)
    return Scene(api, pods, pods.until_ready("annotated", len(SETS), 60), bystander)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_annotation_that_the_registrar_reads_is_changed_at_the_pod(scene: Scene, name: str) -> None:
    key, value = HOSTILE[name]
    assert scene.annotate(scene.victims[0], key, value) == 422


def test_written_past_admission_they_cost_the_pod_alone(scene: Scene, repository: Repository) -> None:
    before = scene.registrar()
    for victim, names in zip(scene.victims, SETS, strict=True):
        for name in names:
            key, value = HOSTILE[name]
            # All annotations of an object together have 256 KiB.
            assert scene.annotate(victim, key, value, subresource="/status") == 200

    def unharmed() -> bool:
        pod = scene.pods.find(scene.bystander.name)
        return pod is not None and pod.ready and pod.runner_id == scene.bystander.runner_id

    holds_for("the runner beside them is online and its own", unharmed, HOLDS_SECONDS)
    assert scene.bystander.name in {runner.name for runner in repository.runners() if runner.online}
    after = scene.registrar()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert [status["restartCount"] for status in after["status"]["containerStatuses"]] == [0]
    log = scene.api.text(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods/{after['metadata']['name']}/log")
    assert "Traceback" not in log
    assert "9" * 100 not in log


def test_a_job_of_the_runner_beside_them_ends_well_and_others_come_after_it(
    scene: Scene, repository: Repository
) -> None:
    jobs = push(repository, one_job("beside", "echo fine")).until_done(60)
    assert (jobs["job"].conclusion, jobs["job"].runner) == ("success", scene.bystander.name)
    scene.pods.until_ready("beside", 1, 60)


def test_pods_that_are_deleted_leave_whatever_was_written_on_them(scene: Scene) -> None:
    names = {pod.name for pod in scene.victims}
    for name in names:
        scene.pods.delete(name)

    def left() -> list[str]:
        return [
            item["metadata"]["name"] for item in scene.api.items(scene.pods.path) if item["metadata"]["name"] in names
        ]

    until("all of them are gone", lambda: not left(), 60, seen=left)
