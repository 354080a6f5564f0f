"""Labels that mean GitHub's own runners are no pool's at GitHub's own service, and doubtful where nobody knows."""

import pytest

from config.hosted_labels import doubtful_labels
from config.stack import StackConfigError
from gpu_runners.doctor.checks import labels as doctor
from gpu_runners.doctor.core.findings import State
from tests.program.stack_values import Values, loaded, stack_file, without_deployers
from values.runner_label import is_hosted_label

DEV = "gpu-runners-dev"
COM, TENANT, SERVER = (
    "https://github.com/mlops/guide",
    "https://me.ghe.com/mlops/guide",
    "https://ghes.example/mlops/guide",
)


@pytest.mark.parametrize(
    "label",
    [
        *("ubuntu-latest", "windows-latest", "macos-latest", "ubuntu-24.04", "ubuntu-22.04-arm", "ubuntu-slim"),
        *("windows-2025", "windows-11-arm", "macos-26", "macos-15-intel", "macos-latest-xlarge", "windows-2025-vs2026"),
        *("ubuntu-latest-16-cores", "ubuntu-30.04", "windows-3000", "macos-99.1-huge"),  # GitHub's of tomorrow
        *("Ubuntu-Latest", "macOS-latest", "WINDOWS-2022"),
    ],
)
def test_what_github_calls_its_runners_is_known_whatever_its_case_and_version(label: str) -> None:
    assert is_hosted_label(label)


@pytest.mark.parametrize(
    "label",
    [
        *(
            "gpu",
            "self-hosted",
            "linux",
            "X64",
            "ubuntu",
            "windows",
            "ubuntu-gpu",
            "gpu-ubuntu-latest",
            "macos-signing",
        ),
        *("ubuntu-latestgpu", "ubuntu24.04", "my-ubuntu-24.04", "cuda-12.4", "ubuntu-v100", "windows-slimmed"),
    ],
)
def test_other_labels_are_nobodys(label: str) -> None:
    assert not is_hosted_label(label)


def values(scope: str, label: str, forge: str = "github") -> Values:
    """A platform with a pool of this label, and an environment that lists it."""
    stack = without_deployers(stack_file("platform"))
    stack["forge"], stack["platform"]["scope"] = forge, scope
    stack["platform"]["registrar"]["egress"] = [{"cidr": "203.0.113.7/32", "ports": [443]}]
    environments = stack["platform"]["environments"]
    at = [environment["namespace"] for environment in environments].index(DEV)
    for environment in environments:
        environment.pop("scope", None)
        environment.pop("runnerGroup", None)
    environments[at]["labels"] = [label, "gpu"]
    (pool,) = stack_file("dev")["pools"]
    stack["pools"] = [pool | {"namespace": DEV, "labels": ["gpu", label]}]
    return stack


@pytest.mark.parametrize("scope", [COM, TENANT])
@pytest.mark.parametrize("label", ["ubuntu-latest", "Windows-2025"])
def test_they_are_refused_at_githubs_own_service(scope: str, label: str) -> None:
    with pytest.raises(StackConfigError) as caught:
        loaded(values(scope, label), {"FORGE_TOKEN": "t"})
    told = [problem for problem in caught.value.problems if label in problem.found]
    assert sorted(problem.key.rpartition("[")[0] for problem in told) == [
        "gpu-runners:platform.environments",
        "gpu-runners:pools",
    ]
    for problem in told:
        assert "those that mean these get GitHub's while none is idle" in problem.found
        assert f"gpu-{label}, here and in `runs-on`" in problem.cure


@pytest.mark.parametrize(("forge", "scope"), [("github", SERVER), ("gitea", "https://gitea.example.com/mlops/guide")])
def test_a_server_of_ones_own_has_no_other_runners_and_takes_them(forge: str, scope: str) -> None:
    stack = loaded(values(scope, "ubuntu-latest", forge), {"FORGE_TOKEN": "t"})
    assert list(doubtful_labels(stack.pools, [DEV])) == []


def test_a_stack_of_pools_alone_does_not_know_at_which_github_they_are_and_is_warned() -> None:
    stack = stack_file("dev") | {"forge": "github"}
    stack["pools"][0]["labels"] = ["self-hosted", "ubuntu-22.04"]
    pools = loaded(stack).pools
    (problem,) = doubtful_labels(pools, [])
    assert problem.found.startswith("ubuntu-22.04: at github.com jobs that mean GitHub's own runners get these")
    assert "at a GitHub Enterprise Server it may stay" in problem.cure
    (finding,) = doctor(pools, [])
    assert finding.state is State.UNKNOWN
    assert list(doubtful_labels(loaded(stack | {"forge": "gitea"}).pools, [])) == []
