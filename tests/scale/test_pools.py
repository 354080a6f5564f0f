"""What is measured is what the program declares."""

import pytest

from tests.scale.pools import POOLS, TEAMS, deployment, pools
from values.contract import ONLINE_GATE, REGISTRATION_CONTAINER, RUNNER_CONTAINER, RUNNER_LABELS_ANNOTATION


@pytest.mark.parametrize("runners", [10, 100, 1000, 1003])
def test_twenty_pools_of_four_teams_have_so_many_runners(runners: int) -> None:
    declared = pools(runners, 20)
    assert sum(pool.runners for pool in declared) == runners
    assert len(declared) == len({(pool.namespace, pool.name) for pool in declared}) == POOLS
    assert {pool.namespace for pool in declared} == set(TEAMS)
    assert max(pool.runners for pool in declared) - min(pool.runners for pool in declared) <= 1


def test_repositories_are_as_many_as_were_asked_for() -> None:
    assert len({pool.repository for pool in pools(1000, 20)}) == 20
    assert len({pool.repository for pool in pools(1000, 1)}) == 1


@pytest.mark.parametrize("forge", ["gitea", "github"])
def test_pods_are_made_of_the_pools_own_template(forge: str) -> None:
    pool = pools(1000, 20)[7]
    template = deployment(pool, forge, 5)["spec"]["template"]
    spec = template["spec"]
    assert [container["name"] for container in spec["initContainers"]] == [REGISTRATION_CONTAINER]
    (runner,) = spec["containers"]
    assert runner["name"] == RUNNER_CONTAINER
    assert runner["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert runner["lifecycle"]["preStop"]["exec"]["command"]
    assert spec["readinessGates"] == [{"conditionType": ONLINE_GATE}]
    assert spec["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert template["metadata"]["annotations"][RUNNER_LABELS_ANNOTATION] == pool.label
