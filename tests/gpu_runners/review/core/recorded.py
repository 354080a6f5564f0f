"""Evidence that was recorded on the lab: one stack with nothing wrong, and the same with drift of many kinds."""

import json
from pathlib import Path
from typing import Any

from gpu_runners.review.core.evidence import Evidence
from gpu_runners.review.core.findings import Review
from gpu_runners.review.core.reviewing import review

DATA = Path(__file__).parent / "data"


def evidence(name: str) -> dict[str, Any]:
    """The document, to be changed at will."""
    document: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return document


def reviewed(document: dict[str, Any]) -> Review:
    """Its review."""
    return review(Evidence.from_json(document))
