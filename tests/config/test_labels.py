"""Which runner labels an environment may have, and which serve others."""

from typing import Any

import pytest

from config.platform import grants, reserved_labels
from tests.program.stack_values import loaded, stack_file


def platform(labels: dict[str, list[str]]) -> Any:
    """The committed platform, with these lists by namespace and with a pool `cuda` of the environment dev's own."""
    values = stack_file("platform")
    for environment in values["platform"]["environments"]:
        environment.pop("labels", None)
        if environment["namespace"] in labels:
            environment["labels"] = labels[environment["namespace"]]
    stack = loaded(values, {"FORGE_TOKEN": "t"})
    assert stack.platform is not None
    return stack


def reserved(labels: dict[str, list[str]], namespace: str) -> list[str]:
    stack = platform(labels)
    (environment,) = [found for found in stack.platform.environments if found.namespace == namespace]
    return reserved_labels(stack.platform, environment, stack.pools)


def test_the_label_of_base_runners_serves_their_own_namespace_alone() -> None:
    assert reserved({}, "gpu-runners-dev") == ["base", "self-hosted"]
    assert reserved({}, "gpu-runners-base") == []


def test_what_another_environment_lists_is_reserved_for_it() -> None:
    assert reserved({"gpu-runners-dev": ["gpu", "a100"]}, "gpu-runners-base") == ["a100", "gpu"]


@pytest.mark.parametrize("listed", [True, False])
def test_a_label_of_its_own_pools_is_not_reserved_in_another_case(listed: bool) -> None:
    values = stack_file("platform")
    for environment in values["platform"]["environments"]:
        environment.pop("labels", None)
    base, dev = values["platform"]["environments"]
    if listed:
        base["labels"] = ["self-hosted", "base", "GPU"]
    (pool,) = values["pools"]
    labels = ["self-hosted", "base"] if listed else ["self-hosted", "GPU"]
    values["pools"] = [
        pool | {"labels": labels},
        pool | {"namespace": dev["namespace"], "labels": ["gpu"], "identity": "none"},
    ]
    stack = loaded(values, {"FORGE_TOKEN": "t"})
    assert stack.platform is not None
    of_base, of_dev = stack.platform.environments
    assert of_base.labels or "gpu" not in reserved_labels(stack.platform, of_base, stack.pools)
    assert "GPU" not in reserved_labels(stack.platform, of_dev, stack.pools)
    assert "self-hosted" in reserved_labels(stack.platform, of_dev, stack.pools)


def test_a_list_goes_to_the_registrar_and_no_list_is_none() -> None:
    granted = {grant.namespace: grant.labels for grant in grants(platform({"gpu-runners-dev": ["gpu"]}).platform)}
    assert granted == {"gpu-runners-base": None, "gpu-runners-dev": frozenset({"gpu"})}
