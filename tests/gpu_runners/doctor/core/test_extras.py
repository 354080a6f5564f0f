"""What is said of a cluster's default PriorityClass, and of pull Secrets."""

from typing import Any

from gpu_runners.doctor.core.extras import default_priority, pull_secrets
from gpu_runners.doctor.core.findings import State


def priority_class(name: str, value: int = 0, *, is_default: bool = False) -> dict[str, Any]:
    return {"metadata": {"name": name}, "value": value, "globalDefault": is_default}


def test_a_cluster_without_a_default_class_adds_nothing() -> None:
    assert default_priority([priority_class("high", 1000)], {"dev": []}).state is State.OK


def test_a_default_class_has_to_be_granted_in_each_namespace() -> None:
    classes = [priority_class("high", 1000), priority_class("usual", 10, is_default=True)]
    finding = default_priority(classes, {"dev": ["usual"], "base": ["high"], "ci": []})
    assert finding.state is State.FAILED
    assert "usual, which base, ci would refuse" in finding.found
    assert "add usual to priorityClasses of base, ci" in finding.cure
    assert default_priority(classes, {"dev": ["usual"]}).state is State.OK


def test_a_pull_secret_that_is_not_there_fails_with_the_command_that_makes_it() -> None:
    finding = pull_secrets("dev", ["a", "b"], ["b"])
    assert (finding.state, finding.found) == (State.FAILED, "there is no Secret b")
    assert "kubectl --namespace dev create secret docker-registry b" in finding.cure
    assert pull_secrets("dev", ["a"], []).state is State.OK


def test_of_two_default_classes_pods_get_the_one_of_the_lowest_value() -> None:
    classes = [priority_class("high", 1000, is_default=True), priority_class("low", -5, is_default=True)]
    assert default_priority(classes, {"dev": ["low"]}).state is State.OK
    assert "low, which dev would refuse" in default_priority(classes, {"dev": ["high"]}).found
