"""Whatever stands in one field of an object, it is read as far as it can be, and everything that judges it goes on."""

import copy
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lightkube.models.apps_v1 import Deployment
from lightkube.models.core_v1 import Pod

from registrar.beginnings import begun
from registrar.brakes import Brakes
from registrar.decisions import decide
from registrar.declared_pool import read_declared_pool
from registrar.demand import runners_wanted
from registrar.forge_view import ForgeView
from registrar.outcomes import kept_failures, outcome_of
from registrar.ownership import owned_runners
from registrar.pods import RunnerPod
from registrar.queue import Count
from registrar.reading import read_pod
from registrar.reservations import Reservations
from registrar.situation import pod_state, runner_state, standing_of
from registrar.unread import UnreadDeployment, UnreadPod
from tests.registrar.conftest import settings_document
from tests.registrar.stand_in_cluster import container, end, pool_deployment, runner_pod, start
from tests.registrar.test_untrusted import ANY_TEXT
from values import contract
from values.deadlines import Deadlines

NOW = time.time()
TIMES = ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "10000-01-01T09:59:59Z", "", "soon"]
VALUES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT
    | st.sampled_from(TIMES)
    | st.lists(st.integers() | ANY_TEXT, max_size=3)
    | st.dictionaries(ANY_TEXT, st.integers() | ANY_TEXT, max_size=3)
)
DEADLINES = Deadlines(schedule_seconds=9, pull_seconds=9, online_seconds=9, lost_seconds=9, ghost_seconds=9)


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of every field and entry."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*before, key)
        yield from paths(entry, (*before, key))


def with_value(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    *way, last = path
    place: Any = changed
    for key in way:
        place = place[key]
    place[last] = value
    return changed


def a_pod(ended: bool) -> dict[str, Any]:
    """A pod of which every field is there that the registrar reads."""
    pod = end(runner_pod(), exit_code=1) if ended else start(runner_pod())
    pod["metadata"] |= {"deletionTimestamp": TIMES[2], "deletionGracePeriodSeconds": 30, "resourceVersion": "7"}
    pod["metadata"]["annotations"] |= {contract.RUNNER_ID_ANNOTATION: "1", contract.BUSY_ANNOTATION: "7"}
    pod["spec"]["containers"] = [{"name": contract.RUNNER_CONTAINER, "resources": {"limits": {"nvidia.com/gpu": "1"}}}]
    pod["status"] |= {"reason": "Evicted", "message": "low", "startTime": TIMES[1], "podIPs": [{"ip": "10.0.0.1"}]}
    terminated = {"terminated": {"exitCode": 1, "message": "refused", "finishedAt": TIMES[2]}}
    pod["status"]["initContainerStatuses"] = [container(contract.REGISTRATION_CONTAINER, terminated)]
    return pod


PODS = [a_pod(ended=True), a_pod(ended=False), runner_pod()]
POOL = pool_deployment(most=3, idle=60, gpus=2)
POD_PATHS = [(number, path) for number, pod in enumerate(PODS) for path in paths(pod)]


@given(st.sampled_from(POD_PATHS), VALUES)
def test_a_pod_with_anything_in_one_of_its_fields_ends_nothing(where: tuple[int, tuple[Any, ...]], value: Any) -> None:
    number, path = where
    read = UnreadPod(with_value(PODS[number], path, value)).read(Pod)
    if read is None:
        assert path[0] == "metadata", "all else is left out"
        return
    pod = read_pod(read)
    judge(pod)
    judge(begun(pod, replace(pod, stamped=0.0), now=NOW, known_at=NOW))


def judge(pod: RunnerPod) -> None:
    """As a cycle does, but for the forge."""
    view, brakes, outcome = ForgeView(known=True), Brakes(), outcome_of(pod, None)
    brakes.lasts(pod, NOW)
    brakes.ended(pod, outcome, NOW)
    brakes.never_came_online(pod, NOW)
    assert brakes.remaining(pod, NOW) >= 0
    kept_failures([pod, pod], settings_document()["keepFailed"])
    assert owned_runners([pod], {}) == {}
    runners_wanted(Count(), [pod], working=(), idle_seconds=60, now=NOW, reserved=False)
    Reservations(clock=lambda: NOW).find({}, {"a/b": [pod]}, {})
    state = pod_state(pod, deadlines=DEADLINES, now=NOW, braked="", outcome=outcome, kept=False)
    standing = standing_of(pod, None, view)
    decide(state, runner_state(None, standing, view, unseen_seconds=0.0, unseen_limit=9.0, cordoned_seconds=0.0))


@given(st.sampled_from(list(paths(POOL))), VALUES)
def test_a_deployment_with_anything_in_one_of_its_fields_is_a_pool_or_none(path: tuple[Any, ...], value: Any) -> None:
    read = UnreadDeployment(with_value(POOL, path, value)).read(Deployment)
    if read is None:
        assert path[0] in ("metadata", "spec"), "without its spec it declares nothing"
        return
    pool = read_declared_pool(read)
    assert pool.most is None or pool.most >= (0 if pool.is_fixed else 1)
    assert pool.devices is None or pool.devices.count > 0


@given(VALUES)
def test_what_is_no_object_is_none(value: Any) -> None:
    assert UnreadPod(value).read(Pod) is None
    assert UnreadPod(value).metadata.resourceVersion is None
    assert UnreadPod({"metadata": value}).read(Pod) is None
