"""Carrying a repair out: each write holds for what was seen, changes what was agreed to, and leaves nothing worse."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from gpu_runners.pulumi_command import Program
from gpu_runners.review.cluster_writes import ClusterWrites
from gpu_runners.review.core.field_path import MISSING
from gpu_runners.review.core.findings import Drift, Kind, ObjectName
from gpu_runners.review.core.repair import Action, Step
from gpu_runners.review.errors import ReviewFailedError
from gpu_runners.review.repairing import Repair
from gpu_runners.review.runner_removal import RunnerRemoval
from tests.access.driven_clock import DrivenClock
from tests.gpu_runners.review.storing_api_server import StoringApiServer, storing_api_server

OURS = ObjectName(kind="ConfigMap", namespace="dev", name="ours", version="v1")
PATH = "/api/v1/namespaces/dev/configmaps/ours"
STRAY = ObjectName(kind="ConfigMap", namespace="dev", name="stray", version="v1")
STRAY_PATH = "/api/v1/namespaces/dev/configmaps/stray"
POD_PATH = "/api/v1/namespaces/dev/pods/cuda-a"
DECLARED = {
    "kind": "ConfigMap",
    "apiVersion": "v1",
    "metadata": {"name": "ours", "namespace": "dev"},
    "spec": {"image": "a", "replicas": 1},
}
PERSON = [{"manager": "kubectl-create", "operation": "Update"}]


class State:
    """The stack's state, as Pulumi exports it."""

    stack = "dev"

    def __init__(self, ignored: tuple[str, ...] = ()) -> None:
        self.resource: dict[str, Any] = {
            "type": "kubernetes:core/v1:ConfigMap",
            "id": "dev/ours",
            "urn": "urn:ours",
            "inputs": DECLARED,
            "outputs": {**DECLARED, "__fieldManager": "pulumi-kubernetes-1"},
            "ignoreChanges": list(ignored),
        }

    def export_with_secrets(self) -> list[dict[str, Any]]:
        return [self.resource]


@pytest.fixture
def server() -> Iterator[StoringApiServer]:
    """Ours with a changed image and an added label, and a stray of a person's."""
    with storing_api_server() as server:
        ours = copy.deepcopy(DECLARED)
        ours["metadata"] |= {"uid": "1", "labels": {"team": "x"}}  # type: ignore[operator]
        ours["spec"]["image"] = "evil"  # type: ignore[index]
        server.put(PATH, ours)
        server.put(STRAY_PATH, {
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": "stray", "namespace": "dev", "uid": "2", "managedFields": PERSON},
        })  # fmt: skip
        yield server


@pytest.fixture
def connection(server: StoringApiServer, tmp_path: Path) -> Iterator[ClusterConnection]:
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
    }))  # fmt: skip
    with ClusterConnection(ClusterChoice(files=str(file))) as connection:
        yield connection


def repair(connection: ClusterConnection, *ignored: str) -> Repair:
    program = cast(Program, State(ignored))
    return Repair(program, ClusterWrites(connection), RunnerRemoval(connection, []), DrivenClock())


def drift(kind: Kind, field: str, state: Any, live: Any) -> Drift:
    return Drift(
        kind=kind, what=str(OURS), field=field, declared="", live="", who="", when="", up="", target=OURS,
        path=tuple(field.split(".")), state_value=state, live_value=live,
    )  # fmt: skip


IMAGE = drift(Kind.CHANGED, "spec.image", "a", "evil")
LABEL = drift(Kind.ADDED, "metadata.labels.team", MISSING, "x")


def restore(*drifts: Drift, uid: str = "1") -> Step:
    return Step(action=Action.RESTORE, what=str(OURS), target=OURS, uid=uid, drifts=drifts)


def delete(target: ObjectName = STRAY, uid: str = "2", action: Action = Action.DELETE) -> Step:
    return Step(action=action, what=str(target), target=target, uid=uid)


def done(connection: ClusterConnection, *steps: Step, ignored: tuple[str, ...] = ()) -> list[str]:
    return repair(connection, *ignored).carry_out(steps, lambda line: None, lambda: None)


def test_what_was_changed_and_added_is_as_declared_again(
    server: StoringApiServer, connection: ClusterConnection
) -> None:
    assert repair(connection).foresee(restore(IMAGE, LABEL)) == ""
    assert server.writes == []
    assert done(connection, delete(), restore(IMAGE, LABEL)) == []
    assert server.objects[PATH]["spec"] == DECLARED["spec"]
    assert "team" not in server.objects[PATH]["metadata"]["labels"]
    assert server.writes == [f"DELETE {STRAY_PATH}", f"PATCH {PATH}", f"PATCH {PATH}"]


def test_only_the_agreed_fields_are_touched(server: StoringApiServer, connection: ClusterConnection) -> None:
    server.change(PATH, lambda it: it["metadata"]["labels"].update(late="y"))
    assert done(connection, restore(LABEL)) == []
    assert server.objects[PATH]["metadata"]["labels"] == {"late": "y"}
    assert server.objects[PATH]["spec"]["image"] == "evil"


def test_a_write_that_would_change_more_is_not_made(server: StoringApiServer, connection: ClusterConnection) -> None:
    server.change(PATH, lambda it: it["spec"].update(replicas=7))
    (problem,) = done(connection, restore(IMAGE))
    assert "it would change spec.replicas too, which nobody agreed to" in problem
    assert server.writes == []


def test_replicas_that_pulumi_leaves_to_others_stay(server: StoringApiServer, connection: ClusterConnection) -> None:
    server.change(PATH, lambda it: it["spec"].update(replicas=7))
    assert done(connection, restore(IMAGE), ignored=("spec.replicas",)) == []
    assert server.objects[PATH]["spec"] == {"image": "a", "replicas": 7}


@pytest.mark.parametrize("step", [restore(IMAGE, uid="another"), delete(uid="another")])
def test_another_object_of_that_name_is_not_touched(
    server: StoringApiServer, connection: ClusterConnection, step: Step
) -> None:
    (problem,) = done(connection, step)
    assert "another object of this name is there by now" in problem
    assert server.writes == []


def test_a_rollout_whose_status_changes_for_seconds_is_no_hindrance(
    server: StoringApiServer, connection: ClusterConnection
) -> None:
    rollout = iter(range(30))

    def answer() -> None:
        ready = next(rollout, None)
        if ready is not None:
            server.change(PATH, lambda it: it.update(status={"ready": ready}))

    server.before_write = answer
    assert done(connection, restore(IMAGE)) == []
    assert server.objects[PATH]["spec"]["image"] == "a"
    assert server.objects[PATH]["status"] == {"ready": 29}


def test_a_controller_that_answers_the_first_write_before_the_second_is_no_hindrance(
    server: StoringApiServer, connection: ClusterConnection
) -> None:
    def answer() -> None:
        if len(server.writes) == 1 and "status" not in server.objects[PATH]:
            server.change(PATH, lambda it: it.update(status={"hard": "a"}))

    server.before_write = answer
    assert done(connection, restore(IMAGE, LABEL)) == []
    assert server.objects[PATH]["spec"] == DECLARED["spec"]
    assert server.objects[PATH]["metadata"]["labels"] == {}
    assert server.objects[PATH]["status"] == {"hard": "a"}
    assert server.writes == [f"PATCH {PATH}", f"PATCH {PATH}"]  # what is back is not written again


def test_a_value_that_somebody_else_changes_between_the_two_writes_stays(
    server: StoringApiServer, connection: ClusterConnection
) -> None:
    def change() -> None:
        if len(server.writes) == 1:
            server.change(PATH, lambda it: it["spec"].update(image="other"))

    server.before_write = change
    (problem,) = done(connection, restore(IMAGE, LABEL))
    assert "spec.image has another value by now" in problem
    assert server.objects[PATH]["spec"]["image"] == "other"
    assert server.objects[PATH]["metadata"]["labels"] == {"team": "x"}


def test_a_value_that_changes_between_trial_and_write_is_seen(
    server: StoringApiServer, connection: ClusterConnection
) -> None:
    server.before_write = lambda: server.change(PATH, lambda it: it["spec"].update(image="other"))
    (problem,) = done(connection, restore(IMAGE))
    assert "spec.image has another value by now" in problem
    assert server.objects[PATH]["spec"]["image"] == "other"


def test_what_changes_all_the_time_is_given_up(server: StoringApiServer, connection: ClusterConnection) -> None:
    server.before_write = lambda: server.change(PATH, lambda it: it.update(status={"at": server.version}))
    (problem,) = done(connection, restore(IMAGE))
    assert "for 20 s it changed faster than it could be repaired" in problem
    assert server.writes == []


def test_a_stray_that_becomes_somebodys_between_trial_and_deletion_stays(
    server: StoringApiServer, connection: ClusterConnection
) -> None:
    managed = {"app.kubernetes.io/managed-by": "Helm"}
    server.before_write = lambda: server.change(STRAY_PATH, lambda it: it["metadata"].update(labels=managed))
    (problem,) = done(connection, delete())
    assert "by now its label says that Helm manages it" in problem
    assert STRAY_PATH in server.objects


def test_what_is_gone_is_made_and_what_is_there_again_is_not_taken(
    server: StoringApiServer, connection: ClusterConnection
) -> None:
    del server.objects[PATH]
    assert done(connection, restore(uid="")) == []
    assert server.objects[PATH]["spec"] == DECLARED["spec"]
    (problem,) = done(connection, restore(uid=""))
    assert "it is there again by now" in problem


def test_what_was_added_goes_first_where_the_rest_is_refused_beside_it(
    server: StoringApiServer, connection: ClusterConnection
) -> None:
    def refuse(wanted: dict[str, Any]) -> str:
        is_both = wanted["spec"]["image"] == "a" and "team" in wanted["metadata"]["labels"]
        return "may not have both" if is_both else ""

    server.refuse = refuse
    assert repair(connection).foresee(restore(IMAGE, LABEL)) == ""
    assert done(connection, restore(IMAGE, LABEL)) == []
    assert server.objects[PATH]["spec"]["image"] == "a"


def test_what_cannot_be_changed_in_place_is_pulumis_to_replace(
    server: StoringApiServer, connection: ClusterConnection
) -> None:
    server.refuse = lambda wanted: "spec.image: field is immutable" if wanted["spec"]["image"] == "a" else ""
    foreseen = repair(connection).foresee(restore(IMAGE, LABEL))
    assert "it cannot be changed in place (spec.image: field is immutable)" in foreseen
    assert "`pulumi up --stack dev --replace 'urn:ours'`" in foreseen
    assert len(done(connection, restore(IMAGE, LABEL))) == 1
    assert server.writes == []


def test_a_pod_that_got_a_job_stays(server: StoringApiServer, connection: ClusterConnection) -> None:
    pod = ObjectName(kind="Pod", namespace="dev", name="cuda-a", version="v1")
    busy = {"gpu-runners.dev/busy": "7"}
    server.put(POD_PATH, {"kind": "Pod", "metadata": {"name": "cuda-a", "uid": "3", "annotations": busy}})
    (problem,) = done(connection, delete(pod, "3", Action.REPLACE_POD))
    assert "it has a job by now" in problem
    assert POD_PATH in server.objects


def test_nothing_is_done_once_the_lock_is_lost(server: StoringApiServer, connection: ClusterConnection) -> None:
    def require() -> None:
        if server.writes:
            raise ReviewFailedError("the lock was lost")

    with pytest.raises(ReviewFailedError, match="the lock was lost"):
        repair(connection).carry_out([delete(), restore(IMAGE)], lambda line: None, require)
    assert server.writes == [f"DELETE {STRAY_PATH}"]


@pytest.mark.parametrize("last", [0, 1, 2, 3])
def test_an_end_after_any_write_leaves_each_field_as_it_was_or_as_declared(
    server: StoringApiServer, connection: ClusterConnection, last: int
) -> None:
    server.last_write = last
    problems = done(connection, restore(IMAGE, LABEL), delete())
    assert bool(problems) is (last < 3)
    assert len(server.writes) == last
    ours = server.objects[PATH]
    assert ours["spec"] in ({"image": "evil", "replicas": 1}, DECLARED["spec"])
    assert ours["metadata"]["labels"] in ({"team": "x"}, {})
