"""What a stack's own config lets its state hold, read from what `pulumi config --json` prints and the stack's file."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from gpu_runners.state.check import Expectation
from values.scope import GITHUB, parse_scope

_KUBERNETES: Final = "kubernetes:"
_SECRETS_PROVIDER: Final = re.compile(r"^secretsprovider:[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE)


def expectation(stack: str, config: Mapping[str, Any], stack_file: str) -> Expectation:
    """config is Pulumi's document without secrets; of a stack named ORGANIZATION/PROJECT/NAME the name counts."""
    kubernetes = {
        key.removeprefix(_KUBERNETES): None if entry.get("secret") else config_text(entry)
        for key, entry in config.items()
        if key.startswith(_KUBERNETES) and isinstance(entry, dict)
    }
    provider = _SECRETS_PROVIDER.search(stack_file)
    return Expectation(
        stack=stack.rpartition("/")[2],
        platform=declares_platform(config),
        namespaces=_namespaces(config),
        kubernetes=kubernetes,
        github_api=_github_api(config),
        secrets_provider=provider[1] if provider else "",
    )


def declares_platform(config: Mapping[str, Any]) -> bool:
    """Whether a config, as above, has a platform."""
    platform = config.get("gpu-runners:platform") or {}
    # Pulumi shows the program's defaults as well: without a platform an empty mapping.
    return bool(platform.get("objectValue")) or platform.get("value", "{}") != "{}"


def _namespaces(config: Mapping[str, Any]) -> frozenset[str]:
    """Those that pools name, and the one of those that name none."""
    pools = (config.get("gpu-runners:pools") or {}).get("objectValue") or []
    named = [pool.get("namespace") for pool in pools if isinstance(pool, dict)] if isinstance(pools, list) else []
    usual = (config.get("gpu-runners:namespace") or {}).get("value")
    return frozenset(name for name in (*named, usual) if isinstance(name, str) and name)


def _github_api(config: Mapping[str, Any]) -> str:
    platform = (config.get("gpu-runners:platform") or {}).get("objectValue") or {}
    if (config.get("gpu-runners:forge") or {}).get("value") != GITHUB or not isinstance(platform, dict):
        return ""
    try:
        return parse_scope(GITHUB, str(platform.get("scope"))).api_url
    except ValueError:
        return ""  # the program refuses such a scope


def config_text(entry: Mapping[str, Any]) -> str:
    """A value of that document as the engine hands it over: what is no text stands there as JSON."""
    return json.dumps(entry["objectValue"]) if "objectValue" in entry else str(entry.get("value") or "")
