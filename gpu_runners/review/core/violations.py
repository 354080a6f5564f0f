"""Policy violations, from whatever the policy run left: a list of violations, or Pulumi's own documents."""

import re
from collections.abc import Iterable
from typing import Any, Final

from gpu_runners.review.core.findings import Violation
from gpu_runners.review.core.pending import label
from values.secrecy import without_secrets

_COLOURS: Final = re.compile(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m")


def violations(documents: Iterable[Any]) -> list[Violation]:
    """Each document is a violation, or holds some under `violations`, `diagnostics` or an engine event."""
    distinct: dict[Violation, None] = {}
    for document in documents:
        for violation in _read(document):
            distinct.setdefault(violation)
    return sorted(
        distinct, key=lambda violation: (violation.level != "mandatory", violation.policy, violation.resource)
    )


def _read(document: Any) -> list[Violation]:
    if isinstance(document, list):
        return [violation for part in document for violation in _read(part)]
    if not isinstance(document, dict):
        return []
    nested = [document[name] for name in ("violations", "diagnostics", "policyEvent") if name in document]
    if nested:
        return [violation for part in nested for violation in _read(part)]
    policy = _first(document, "policyName", "policy", "name")
    message = _COLOURS.sub("", _first(document, "message", "description")).strip()
    if not policy or not message:
        return []
    urn = _first(document, "resourceUrn", "urn", "resource")
    level = _first(document, "enforcementLevel", "level", "severity") or "mandatory"
    return [
        Violation(
            policy=policy,
            level="mandatory" if level in ("mandatory", "error") else "advisory",
            resource=label(urn) if "::" in urn else urn,
            message=without_secrets(" ".join(message.split())),
        )
    ]


def _first(document: dict[str, Any], *names: str) -> str:
    return next((document[name] for name in names if isinstance(document.get(name), str)), "")
