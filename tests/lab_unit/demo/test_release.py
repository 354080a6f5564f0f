"""What a run that ended before its release has left behind is taken back before the next one: no loosened proof."""

from collections.abc import Sequence
from typing import cast

import pytest

from lab.demo.cluster_view import ClusterView
from lab.demo.release import await_release, take_back
from lab.demo.settings import Pool
from lab.demo.snapshot import Pod
from lab.demo.story import Story
from lab.errors import LabError

CUDA = Pool("cuda", "gpu-runners-dev")
CREATED = "2026-01-31T12:00:00Z"
IDLE = Pod("cuda-1", CUDA.namespace, "cuda", CREATED, phase="Running", gpus=1)
TRAINING = Pod("cuda-2", CUDA.namespace, "cuda", CREATED, phase="Running", gpus=1, job="8")
TRAINED = Pod("cuda-2", CUDA.namespace, "cuda", CREATED, phase="Succeeded", gpus=1, job="8")
BASE = Pod("base-1", "gpu-runners-base", "base", CREATED, phase="Running")
DEPLOYING = Pod("base-2", "gpu-runners-base", "base", CREATED, phase="Running", job="7")


class Cluster:
    """One look after the other at its pods, and then the last one again; destroyed, it has only base runners."""

    def __init__(self, *looks: Sequence[Pod], replicas: int = 0, is_stuck: bool = False) -> None:
        self.looks, self.deployed, self.is_stuck = list(looks), replicas, is_stuck
        self.worked_when_destroyed: list[str] = []

    def runner_pods(self) -> dict[str, Pod]:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return {pod.name: pod for pod in look}

    def replicas(self, pool: Pool) -> int:
        assert pool == CUDA
        return self.deployed

    def destroy(self) -> None:
        (look,) = self.looks
        self.worked_when_destroyed += [pod.name for pod in look if pod.job]
        self.deployed, self.looks = 0, [look, look if self.is_stuck else [BASE]]

    def taken_back(self, seconds: float = 5) -> None:
        take_back(Story(), cast(ClusterView, self), CUDA, self.destroy, seconds)


def test_where_nothing_is_left_nothing_is_said_and_nothing_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster([BASE, TRAINED])
    cluster.taken_back()
    assert capsys.readouterr().out == ""


def test_a_pool_that_nobody_released_is_taken_back_with_its_idle_runner(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster([BASE, IDLE], replicas=1)
    cluster.taken_back()
    assert (cluster.deployed, cluster.looks) == (0, [[BASE]])
    said = capsys.readouterr().out
    assert "pool cuda is still deployed, by a run that released nothing: takes it back" in said
    assert "pool cuda holds no GPU any more" in said


def test_whoever_works_for_a_run_that_is_over_is_waited_for_by_name_and_only_then_is_anything_touched(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster = Cluster([DEPLOYING, TRAINING], [DEPLOYING, TRAINED], [BASE, IDLE], replicas=1)
    cluster.taken_back()
    assert cluster.deployed == 0
    assert cluster.worked_when_destroyed == []
    assert "waits up to 5 s for what works on for a run that is over: base-2, cuda-2" in capsys.readouterr().out


def test_whoever_works_on_for_too_long_is_named_and_nothing_is_touched() -> None:
    cluster = Cluster([DEPLOYING, IDLE], replicas=1)
    with pytest.raises(LabError, match=r"until no runner works for a run that is over; last seen: \('base-2',\)"):
        cluster.taken_back(seconds=0.2)
    assert cluster.deployed == 1


def test_a_pool_that_keeps_its_gpu_is_told_with_where_to_look() -> None:
    cluster = Cluster([IDLE], replicas=1, is_stuck=True)
    with pytest.raises(LabError, match=r"still holds GPUs after 0 s: cuda-1; see `kubectl -n gpu-runners-dev get"):
        cluster.taken_back(seconds=0.5)


def test_a_release_is_over_when_no_pod_of_the_pool_holds_a_gpu_whatever_others_do() -> None:
    cluster = Cluster([BASE, IDLE], [BASE, TRAINED])
    assert await_release(Story(), cast(ClusterView, cluster), CUDA, seconds=5) == ()
