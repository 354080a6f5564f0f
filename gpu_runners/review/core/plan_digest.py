"""What a program would do, as one digest: two previews with the same digest do the same to the same resources. Pure."""

import hashlib
import json
from typing import Final

from gpu_runners.review.core.evidence import Json
from gpu_runners.review.core.pending import is_change

PREFIX: Final = "sha256:"


def plan_digest(preview: Json) -> str:
    """Of every change the operation, the resource and all inputs, before and after. Secrets stand as `[secret]`.

    `preview` is the document of `pulumi preview --json`, trimmed or not.
    """
    steps = [
        [step["op"], step["urn"], _inputs(step.get("oldState")), _inputs(step.get("newState"))]
        for step in preview.get("steps") or ()
        if is_change(step)
    ]
    text = json.dumps(sorted(steps, key=lambda step: (step[1], step[0])), sort_keys=True)
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()


def _inputs(state: Json | None) -> Json:
    return (state or {}).get("inputs") or {}
