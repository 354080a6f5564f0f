"""Takes out of Pulumi's state what went with a forge that was started anew. Pure.

A refresh would not do: Pulumi's GitHub provider takes a runner group that is gone for one that has not changed.
"""

from collections.abc import Mapping
from typing import Any


def without(exported: Mapping[str, Any], package: str) -> dict[str, Any]:
    """A stack as `pulumi stack export` gives it, without the resources of a package and without mention of them.

    The package's provider stays: it is a client and not a thing at the forge.
    """
    deployment = exported["deployment"]
    resources = deployment.get("resources", [])
    gone = {entry["urn"] for entry in resources if str(entry["type"]).startswith(f"{package}:")}
    kept = [_unaware(entry, gone) for entry in resources if entry["urn"] not in gone]
    return {**exported, "deployment": {**deployment, "resources": kept}}


def _unaware(entry: Mapping[str, Any], gone: set[str]) -> dict[str, Any]:
    """The same resource, which depends on none of those that are gone; none of those is anybody's parent."""
    changed = dict(entry)
    if "dependencies" in entry:
        changed["dependencies"] = [urn for urn in entry["dependencies"] if urn not in gone]
    if "propertyDependencies" in entry:
        changed["propertyDependencies"] = {
            name: [urn for urn in urns or [] if urn not in gone] for name, urns in entry["propertyDependencies"].items()
        }
    return changed
