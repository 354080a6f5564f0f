"""The lab, a platform of the tests' own and its runners. A lab that cannot start is a failure, never a skip."""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

from lab import cluster, environment, paths
from lab.github import parts
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.ledger import Ledger
from lab.trial.pods import Pods
from lab.trial.pools import NAMESPACE, REPOSITORY, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from tests.lab.github_forge import GithubRepository

HERE = Path(__file__).resolve().parent
# The long suites: a mark, and the files that have it. Each has a target of its own in the Makefile.
LONG = {
    "review": (
        "test_drift.py",
        "test_repair.py",
        "test_review.py",
        "test_review_github.py",
        "test_review_workflows.py",
    ),
    "newcomer": (
        "test_bad_pools.py",
        "test_config_messages.py",
        "test_doctor.py",
        "test_doctor_worlds.py",
        "test_first_hour.py",
        "test_interruption.py",
        "test_long_way.py",
    ),
    "demo": ("test_demo.py",),
    "scaling": ("test_scaling.py",),
    "sharing": ("test_sharing.py",),
    "why": ("test_why.py",),
    "adversary": ("adversary", "test_reach.py"),
}
OTHER_SESSION_SECONDS = 900.0
OWN_NAMESPACES = (
    "gpu-runners-worlds",
    "gpu-runners-test",
    "gpu-runners-small",
    "gpu-runners-flows",
    "gpu-runners-hub",
    "gpu-runners-state",
    "gpu-runners-reach",
    "gpu-runners-closed",
    "gpu-runners-flood",
    "gpu-runners-hostile",
    "gpu-runners-reviewed",
    "gpu-runners-identity",
    "gpu-runners-drifted",
    "gpu-runners-scaled",
    "gpu-runners-long-way",
    "gpu-runners-shared",
)

MakeStack = Callable[[str, Mapping[str, Any]], Stack]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marks = {HERE / name: mark for mark, names in LONG.items() for name in names}
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)
        for path, mark in marks.items():
            if item.path.is_relative_to(path):
                item.add_marker(mark)
                item.add_marker(pytest.mark.long)


def stack_file(name: str) -> dict[str, Any]:
    """The config of a committed stack file."""
    config: dict[str, Any] = yaml.safe_load((HERE / "stacks" / name).read_text())["config"]
    return config


@pytest.fixture(scope="session")
def lab() -> Iterator[dict[str, str]]:
    """The environment of a command that talks to the running lab, which belongs to this session until its end."""
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with (paths.CACHE / "lab-tests.lock").open("w") as lock:
        # Two sessions would delete each other's repositories and namespaces, and wait for each other's GPUs.
        until(f"no other test session holds {lock.name}", lambda: is_taken(lock), OTHER_SESSION_SECONDS)
        cluster.up(print)
        clear_away()
        yield environment.load()


def clear_away() -> None:
    """Removes the namespaces that a session left behind which was killed: its runners would hold GPUs."""
    api = KubernetesApi()
    try:
        names = [item["metadata"]["name"] for item in api.items("/api/v1/namespaces")]
        left = [name for name in names if name.startswith(OWN_NAMESPACES)]
        for name in left:
            api.delete(f"/api/v1/namespaces/{name}")
            for pod in api.items(f"/api/v1/namespaces/{name}/pods"):
                api.delete(f"/api/v1/namespaces/{name}/pods/{pod['metadata']['name']}", gracePeriodSeconds=0)
        for name in left:
            until(f"the former session's {name} is gone", lambda: api.find(f"/api/v1/namespaces/{name}") is None, 180)  # noqa: B023 - called at once
    finally:
        api.close()


def is_taken(lock: IO[str]) -> bool:
    """Whether this process holds the lock now."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@pytest.fixture(scope="session")
def api(lab: dict[str, str]) -> Iterator[KubernetesApi]:
    """The lab's API server."""
    connection = KubernetesApi()
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def ledger(lab: dict[str, str]) -> Iterator[Ledger]:
    """Where jobs report to."""
    listening = Ledger()
    yield listening
    listening.close()


@pytest.fixture(scope="session")
def make_repository(lab: dict[str, str]) -> Iterator[Callable[[str], Repository]]:
    """Makes repositories at the forge that live as long as the tests."""
    made: list[Repository] = []

    def make(name: str) -> Repository:
        repository = Repository(lab["FORGE_URL"], lab["FORGE_TOKEN"], name)
        repository.make_anew()
        made.append(repository)
        return repository

    yield make
    for repository in made:
        repository.drop()
        repository.close()


@pytest.fixture(scope="module")
def at_github(lab: dict[str, str]) -> Iterator[GithubRepository]:
    """A repository at the stand-in for GitHub; made anew for each module, for a test may start the stand-in anew."""
    parts.up(print)
    github_repository = GithubRepository()
    yield github_repository
    github_repository.close()


@pytest.fixture(scope="session")
def backend(lab: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The lab's environment with a state backend of the tests' own."""
    return {**lab, "PULUMI_BACKEND_URL": f"file://{tmp_path_factory.mktemp('state')}"}


def _stacks(backend: dict[str, str], folders: pytest.TempPathFactory) -> Iterator[MakeStack]:
    made: list[Stack] = []

    def make(name: str, config: Mapping[str, Any]) -> Stack:
        stack = Stack.make(name, config, folders.mktemp(name), backend)
        made.append(stack)
        return stack

    yield make
    for stack in reversed(made):
        stack.destroy().succeeded()


# Two fixtures of one kind: what the session's fixtures made must outlive what a module made.
@pytest.fixture(scope="session")
def lasting_stack(backend: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStack]:
    """Makes stacks that are destroyed after the last test."""
    yield from _stacks(backend, tmp_path_factory)


@pytest.fixture(scope="module")
def make_stack(backend: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStack]:
    """Makes stacks that are destroyed after the module's last test."""
    yield from _stacks(backend, tmp_path_factory)


@pytest.fixture(scope="session")
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    """The scope of the test platform's runners."""
    return make_repository(REPOSITORY)


@pytest.fixture(scope="session")
def platform(lasting_stack: MakeStack, repository: Repository) -> Stack:
    """The test platform, brought up."""
    stack = lasting_stack("tests-platform", stack_file("platform.yaml"))
    stack.up().succeeded()
    return stack


@pytest.fixture(scope="session")
def pods(api: KubernetesApi, platform: Stack, repository: Repository) -> Pods:
    """The runner pods of the test platform."""
    return Pods(api, NAMESPACE, repository)


@pytest.fixture(scope="session")
def workers(lasting_stack: MakeStack, platform: Stack) -> str:
    """The label of two runners that any test may give a job to."""
    stack = lasting_stack("tests-workers", pools_config(pool("workers", replicas=2)))
    stack.up().succeeded()
    return "workers"
