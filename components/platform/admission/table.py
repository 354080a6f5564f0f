"""A tree of shapes as a table for people: what docs/admission.md shows. Pure."""

from collections.abc import Iterator

from components.platform.admission.grants import AdmissionGrants
from components.platform.admission.pod_shape import pod_shape
from components.platform.admission.shape import Each, Entries, Fields, Node, Value

# What a reader knows from their own stack file stands for itself.
EXAMPLE: AdmissionGrants = {
    "namespace": "gpu-runners-dev",
    "accounts": ["runner"],
    "job_credentials": True,
    "images": ["registry.example.com/ml/"],
    "image_tags_allowed": False,
    "labels": ["gpu", "large-gpu"],
    "reserved_labels": [],
    "gpus": {"nvidia.com/gpu": 4},
    "protect_job_seconds": 432000,
    "ephemeral_storage": "2Ti",
    "extras": {
        "pull_secrets": ["registry"],
        "variables": ["HF_HOME", "PIP_CACHE_DIR"],
        "runtime_classes": ["nvidia"],
        "priority_classes": ["gpu-batch"],
        "proxy": False,
        "caches": [{"claim": "datasets", "writable": False}],
    },
}


def table(grants: AdmissionGrants = EXAMPLE) -> str:
    """Every field that a pod may have, in Markdown; a field without bounds of ours has the API server's own."""
    shape = pod_shape(grants)
    rows = [*_rows(shape.metadata, "metadata"), *_rows(shape.spec, "spec")]
    return "\n".join(["| field | allowed | required |", "|---|---|---|", *rows]) + "\n"


def _rows(node: Fields | Entries, path: str) -> Iterator[str]:
    children = node.entries if isinstance(node, Entries) else node.fields
    for name, child in children.items():
        yield from _row(child, f"{path}.{name}")
    for rule in node.rules:
        yield f"| `{path}{rule.name}` | {_cell(rule.allowed)} | |"


def _row(node: Node, path: str) -> Iterator[str]:
    required = "yes" if node.required else ""
    if isinstance(node, Value):
        yield f"| `{path}` | {_cell(node.allowed)} | {required} |"
    elif isinstance(node, Each):
        yield f"| `{path}` | at most {node.most} | {required} |"
        yield from _rows(node.item, f"{path}[]")
    else:
        if required:
            yield f"| `{path}` | only what follows | yes |"
        yield from _rows(node, path)


def _cell(words: str) -> str:
    return words.replace("|", "\\|")
