"""Reads from the API server's OpenAPI how each list of our kinds is compared, and writes it down.

`python -m lab.api_table` writes `gpu_runners/review/core/api_fields.py`; a test on the lab holds the two together.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lab import paths
from lab.trial.kubernetes import KubernetesApi

FILE: Final = paths.REPOSITORY / "gpu_runners" / "review" / "core" / "api_fields.py"
# What this program declares, what it may meet around it, and what a review reads of the cluster.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "api/v1": (
        "ConfigMap", "Endpoints", "LimitRange", "Namespace", "PersistentVolumeClaim", "Pod", "ResourceQuota",
        "Secret", "Service", "ServiceAccount",
    ),
    "apis/apps/v1": ("DaemonSet", "Deployment", "ReplicaSet"),
    "apis/networking.k8s.io/v1": ("NetworkPolicy",),
    "apis/policy/v1": ("PodDisruptionBudget",),
    "apis/rbac.authorization.k8s.io/v1": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "apis/admissionregistration.k8s.io/v1": (
        "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    ),
    "apis/scheduling.k8s.io/v1": ("PriorityClass",),
}  # fmt: skip
_QUANTITY: Final = "Quantity"
_SKIPPED: Final = frozenset({"status", "managedFields"})
_HEAD: Final = '''"""How the API server tells the parts of our kinds apart: Kubernetes %s, by `python -m lab.api_table`.

Definition → field → what it holds: "" a value, `q` a quantity, a name another definition; before it `map KEY,KEY` (a
list whose elements have keys), `set` (a list without order), `list` (any other list), `each` (a mapping of any keys).
"""

from collections.abc import Mapping
from typing import Final

# fmt: off
FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
'''


def fields_of(api: KubernetesApi) -> dict[str, dict[str, str]]:
    """Definition → field → what it holds, of our kinds and all that is in them, as this API server says it."""
    definitions: dict[str, dict[str, str]] = {}
    for place, kinds in KINDS.items():
        schemas = api.get(f"/openapi/v3/{place}")["components"]["schemas"]
        for name in schemas:
            if _short(name) in kinds and name.startswith("io.k8s.api."):
                _add(name, schemas, definitions)
    return definitions


def module(version: str, definitions: Mapping[str, Mapping[str, str]]) -> str:
    """The module's text; `version` is the API server's, e.g. "1.36"."""
    text = _HEAD % version
    for name, fields in sorted(definitions.items()):
        text += f'    "{name}": {{\n'
        text += "".join(f'        "{field}": "{holds}",\n' for field, holds in sorted(fields.items()))
        text += "    },\n"
    kinds = sorted(f"{place.partition('/')[2]} {kind}" for place, kinds in KINDS.items() for kind in kinds)
    return text + "}\nKINDS: Final = frozenset({\n" + "".join(f'    "{kind}",\n' for kind in kinds) + "})\n"


def version_of(api: KubernetesApi) -> str:
    """The API server's minor version, e.g. "1.36"."""
    version = api.get("/version")
    return f"{version['major']}.{version['minor']}"


def _add(name: str, schemas: Mapping[str, Any], definitions: dict[str, dict[str, str]]) -> None:
    if _short(name) in definitions:
        return
    fields = definitions[_short(name)] = {}
    for field, schema in (schemas[name].get("properties") or {}).items():
        if field not in _SKIPPED:
            fields[field] = _holds(schema, schemas, definitions)


def _holds(schema: Mapping[str, Any], schemas: Mapping[str, Any], definitions: dict[str, dict[str, str]]) -> str:
    if schema.get("type") == "array":
        inside = _holds(schema["items"], schemas, definitions)
        kind = schema.get("x-kubernetes-list-type", "atomic")
        if kind == "map":
            return f"map {','.join(schema['x-kubernetes-list-map-keys'])} {inside}".strip()
        return f"{'set' if kind == 'set' else 'list'} {inside}".strip()
    if "additionalProperties" in schema:
        return f"each {_holds(schema['additionalProperties'], schemas, definitions)}".strip()
    reference = next((part["$ref"] for part in (schema, *schema.get("allOf", ())) if "$ref" in part), "")
    name = reference.rpartition("/")[2]
    if _short(name) == _QUANTITY:
        return "q"
    if not name or not schemas[name].get("properties"):
        return ""
    _add(name, schemas, definitions)
    return _short(name)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def main() -> int:
    """Writes the module anew."""
    api = KubernetesApi()
    Path(FILE).write_text(module(version_of(api), fields_of(api)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
