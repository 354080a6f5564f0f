"""Two previews have one digest exactly where they do the same."""

from collections.abc import Callable
from typing import Any

import pytest

from gpu_runners.review.core.evidence import trimmed
from gpu_runners.review.core.plan_digest import plan_digest
from tests.gpu_runners.review.core.recorded import evidence, reviewed


def preview() -> dict[str, Any]:
    document: dict[str, Any] = evidence("drifted")["preview"]
    return document


def step(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [entry for entry in document["steps"] if entry["urn"].endswith(name) and entry.get("newState")]
    entry: dict[str, Any] = found
    return entry


def test_the_order_of_steps_and_what_no_change_is_do_not_matter() -> None:
    document = preview()
    document["steps"].reverse()
    document["steps"].append({"op": "same", "urn": "urn:pulumi:x::y::z::w"})
    assert plan_digest(document) == plan_digest(preview()) == plan_digest(trimmed(preview()))


def turned(value: Any) -> Any:
    """The same with the keys of each object in the other order."""
    if isinstance(value, dict):
        return {key: turned(part) for key, part in reversed(value.items())}
    return [turned(part) for part in value] if isinstance(value, list) else value


def test_the_order_of_the_keys_of_an_object_does_not_matter() -> None:
    assert plan_digest(turned(preview())) == plan_digest(preview())


def test_the_report_holds_it() -> None:
    assert reviewed(evidence("drifted")).plan == plan_digest(preview())
    assert reviewed(evidence("drifted") | {"preview": None, "failure": "error: x"}).plan == ""


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another value": lambda document: step(document, "$kubernetes:apps/v1:Deployment::review-pools-reviewed")[
        "newState"
    ]["inputs"]["spec"].update(replicas=7),
    "a value that no report shows": lambda document: step(
        document, "$kubernetes:apps/v1:Deployment::review-pools-large"
    )["newState"]["inputs"]["metadata"]["annotations"].update(note="x"),
    "another state before": lambda document: step(document, "$kubernetes:apps/v1:Deployment::review-pools-reviewed")[
        "oldState"
    ]["inputs"]["spec"].update(replicas=9),
    "another operation": lambda document: step(
        document, "$kubernetes:apps/v1:Deployment::review-pools-reviewed"
    ).update(op="delete"),
    "a step less": lambda document: document["steps"].remove(
        step(document, "$kubernetes:apps/v1:Deployment::review-pools-large")
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_else_is_done_is_another_digest(change: Callable[[dict[str, Any]], object]) -> None:
    document = preview()
    change(document)
    assert plan_digest(document) != plan_digest(preview())
