"""A cache is a claim that outlives jobs: what the second run finds in it, and what a pool that only reads may not."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import gitea, s3, worlds
from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import one_job, push
from tests.lab.conftest import MakeStack, stack_file

VOLUME = "gpu-runners-caches"  # as in tests/lab/stacks/caches.yaml
VOLUMES = "/api/v1/persistentvolumes"
CLAIM = "/api/v1/namespaces/gpu-runners-small-caches/persistentvolumeclaims/dvc"
SECONDS = 120.0
# The steps of the example's training, but for `dvc push`: what is measured shall not change what is there.
TRAINING = """
    git clone --quiet {guide} guide && cd guide
    cache={cache}
    [ -z "$cache" ] || dvc config --local cache.dir "$cache"
    echo "found $(find "${{cache:-.dvc/cache}}" -type f 2> /dev/null | wc -l) files"
    began=$(date +%s%N)
    {login} dvc pull --allow-missing
    dvc repro
    echo "took $(( ($(date +%s%N) - began) / 1000000 )) ms"
"""


def volume(folder: Path) -> Json:
    """A folder of the node, as somebody who administers storage would offer it."""
    return {
        "metadata": {"name": VOLUME},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "hostPath": {"path": str(folder), "type": "Directory"},
        },
    }


@pytest.fixture(scope="module")
def storage(api: KubernetesApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder behind the cache; hostPath knows no group, so that everybody may write to it."""
    folder = tmp_path_factory.mktemp("cache")
    folder.chmod(0o777)
    api.delete(f"{VOLUMES}/{VOLUME}")
    until("no former volume is left", lambda: api.find(f"{VOLUMES}/{VOLUME}") is None, 60)
    api.create(VOLUMES, volume(folder))
    yield folder
    api.delete(f"{VOLUMES}/{VOLUME}")


@pytest.fixture(scope="module")
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    return make_repository("mlops/caches")


@pytest.fixture(scope="module")
def stack(storage: Path, repository: Repository, make_stack: MakeStack) -> Stack:
    """A platform with a cache, and three pools: without it, with it, and one that only reads."""
    made = make_stack("caches", stack_file("caches.yaml"))
    made.up().succeeded()
    return made


def train(repository: Repository, label: str, cache: str = "") -> tuple[int, int]:
    """Files that were there before, and milliseconds that the training took."""
    login = " ".join(f"{name}={value}" for name, value in s3.variables(worlds.key(worlds.DATA)).items())
    script = TRAINING.format(guide=f"{gitea.URL}/mlops/guide.git", cache=cache, login=login)
    run = push(repository, one_job(label, script))
    (job,) = run.until_done(SECONDS).values()
    log = run.log(job.name)
    assert job.conclusion == "success", log
    found, took = (re.search(rf"^.*{word} (\d+) ", log, re.MULTILINE) for word in ("found", "took"))
    assert found, log
    assert took, log
    return int(found[1]), int(took[1])


def test_the_second_run_finds_what_the_first_one_left(stack: Stack, repository: Repository) -> None:
    plain = [train(repository, "plain") for _ in range(2)]
    cached = [train(repository, "cached", "/caches/dvc/dvc") for _ in range(2)]
    print(f"first and second run, files found and ms: without a cache {plain}, with one {cached}")
    assert [found for found, _ in plain] == [0, 0]
    assert cached[0][0] == 0
    assert cached[1][0] > 0


def test_a_pool_that_reads_cannot_write(stack: Stack, storage: Path, repository: Repository) -> None:
    (storage / "left").write_text("for everybody")
    script = """
        [ "$(cat /caches/dvc/left)" = "for everybody" ]
        ! touch /caches/dvc/new
        ! rm /caches/dvc/left
        ! mount -o remount,rw /caches/dvc
    """
    run = push(repository, one_job("reader", script))
    (job,) = run.until_done(SECONDS).values()
    assert job.conclusion == "success", run.log(job.name)
    assert not (storage / "new").exists()


def test_a_claim_that_is_bound_is_neither_a_change_nor_drift(stack: Stack, api: KubernetesApi) -> None:
    until("the claim is bound", lambda: api.get(CLAIM)["status"]["phase"] == "Bound", 60)
    stack.preview().succeeded()
    stack.refresh().succeeded()
