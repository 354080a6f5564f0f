"""A forge answers its registrar with whatever it likes: the registrar lives, and the runner that works goes on.

All answers are thrown while one job runs; it ends well once they are over, and runners register as before.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.pods import Pods
from lab.trial.registrar_door import RegistrarDoor
from lab.trial.repository import Repository
from lab.trial.workflow import Run, one_job, push
from tests.lab.adversary.hostile_forge import ANSWERS, HostileForge
from tests.lab.conftest import MakeStack, stack_file
from tests.lab.place import Place
from values.contract import HEALTH_PATH, RUNNERS_PATH

HOSTILE, SYSTEM = "gpu-runners-hostile", "gpu-runners-hostile-system"
ASKED_SECONDS: Final = 30.0
REGISTRATION_SECONDS: Final = 60.0
# Ends when it is told to, so that it lasts as long as all answers do, and a minute longer than that at most.
WORK: Final = "echo working=yes; for second in $(seq 420); do [ -e /work/over ] && exit 0; sleep 1; done; exit 1"


@dataclass(frozen=True)
class Scene:
    """The forge, its registrar, and a runner that works."""

    api: KubernetesApi
    forge: HostileForge
    pods: Pods
    run: Run
    door: RegistrarDoor

    def registrar(self) -> Json:
        (pod,) = self.api.items(f"/api/v1/namespaces/{SYSTEM}/pods")
        return pod


@pytest.fixture(scope="module")
def scene(api: KubernetesApi, make_stack: MakeStack, make_repository: Callable[[str], Repository]) -> Iterator[Scene]:
    repository = make_repository("mlops/hostile")
    forge = HostileForge()
    try:
        stack = make_stack("hostile", stack_file("hostile.yaml"))
        stack.up().succeeded()
        pods = Pods(api, HOSTILE, repository)
        pods.until_ready("waiting", 1)
        pods.until_ready("working", 1)
        run = push(repository, one_job("working", WORK))
        pods.until("the job is known to run", "working", lambda found: [pod for pod in found if pod.job], 30)
        door = RegistrarDoor(api, SYSTEM, HOSTILE)
        yield Scene(api, forge, pods, run, door)
        door.close()
        forge.begin()
        stack.destroy().succeeded()
    finally:
        forge.close()


@pytest.fixture(autouse=True)
def unharmed(scene: Scene) -> Iterator[None]:
    """Whatever is answered, the registrar is the same process afterwards."""
    registrar = scene.registrar()
    yield
    after = scene.registrar()
    assert after["metadata"]["uid"] == registrar["metadata"]["uid"]
    (status,) = after["status"]["containerStatuses"]
    assert (status["restartCount"], status["lastState"], status["ready"]) == (0, {}, True)


# Those that are more than one answer: page after page, or a single one that does not end. The others come in turn.
LONG: Final = (
    "headers without end",
    "interim answers without end",
    "a body without end",
    "a body that drips",
    "a bomb",
    "runners without end",
    "a redirect",
    "patience for ever",
)


@pytest.mark.parametrize("name", [*LONG, "all others"])
def test_whatever_the_forge_answers_the_registrar_and_its_runners_live(scene: Scene, name: str) -> None:
    others = [answer for other, answer in ANSWERS.items() if other not in LONG]
    answers = others if name == "all others" else [ANSWERS[name]]
    runners = {pod.uid for pod in scene.pods.all()}
    scene.forge.begin(*answers)

    def asked() -> bool:
        # It asks by itself too, but less and less often while it gets no answer; this goes through at once.
        assert scene.door.get(RUNNERS_PATH).status_code in (200, 503)
        assert scene.door.get(HEALTH_PATH).status_code == 200
        return scene.forge.asked >= len(answers)

    until("the registrar has been answered", asked, ASKED_SECONDS + 3 * len(answers))
    assert scene.forge.stolen == []
    assert {pod.uid for pod in scene.pods.all() if not pod.leaving} == runners
    scene.forge.begin()


def test_a_pod_that_met_a_hostile_forge_is_registered_once_it_is_over(scene: Scene) -> None:
    (before,) = scene.pods.of("waiting")
    scene.forge.begin(ANSWERS["an id of 5,000 digits"])
    scene.pods.delete(before.name)
    until("a registration was tried", lambda: scene.forge.registrations > 0, REGISTRATION_SECONDS)
    scene.forge.begin()
    (after,) = scene.pods.until_ready("waiting", 1, REGISTRATION_SECONDS)
    assert after.uid != before.uid


def test_the_job_that_ran_all_the_time_ends_well(lab: dict[str, str], scene: Scene) -> None:
    (working,) = scene.pods.of("working")
    place = Place(HOSTILE, working.name, "runner", working.address)
    subprocess.run(place.command("touch", "/work/over"), env=dict(lab), check=True, timeout=30)
    assert scene.run.until_done(60)["job"].conclusion == "success"
