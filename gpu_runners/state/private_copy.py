"""A backend of its own for a state that was checked: Pulumi looks at what the check saw, and at nothing else.

It is laid out as Pulumi lays out a folder (pkg/backend/diy: `meta.yaml`, one checkpoint for each stack of a project).
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from gpu_runners.state.allow_list import PROJECT

_LAYOUT: Final = "version: 1\n"  # stacks lie in a folder for each project


@contextmanager
def private_copy(document: Mapping[str, Any], stack: str) -> Iterator[str]:
    """The URL of a backend that holds a stack as it was exported, for this user alone; it ends with this block.

    document is what `pulumi stack export` printed, read; stack is the name without organization and project.
    """
    checkpoint = {"stack": f"organization/{PROJECT}/{stack}", "latest": document.get("deployment")}
    features = {"features": document["features"]} if "features" in document else {}
    with tempfile.TemporaryDirectory(prefix="gpu-runners-") as temporary:  # rwx------
        stacks = Path(temporary, ".pulumi", "stacks", PROJECT)
        stacks.mkdir(parents=True)
        Path(temporary, ".pulumi", "meta.yaml").write_text(_LAYOUT)
        content = {"version": document["version"], **features, "checkpoint": checkpoint}
        (stacks / f"{stack}.json").write_text(json.dumps(content))
        yield f"file://{temporary}"
