"""The registrar's config.json. Pure; the registrar reads it as strictly as it is written here."""

import json
from collections.abc import Iterable
from typing import NotRequired, TypedDict

from values.scope import ForgeScope


class Grant(TypedDict):
    """A namespace whose pods may become runners of a scope."""

    namespace: str
    """The trust zone: whoever may create pods here can obtain a runner of the scope."""
    scope: str
    """`owner/repository`, `owner`, or "" for all of the forge."""
    service_accounts: list[str]
    """Accounts whose pods are runners."""
    runner_group: NotRequired[str]
    """The forge's group for these runners, where it has groups."""


class Deadlines(TypedDict):
    """How long the registrar lets a pod take for each step, in seconds."""

    schedule_seconds: int
    """From creation to a node."""
    pull_seconds: int
    """From a node to running containers."""
    online_seconds: int
    """From a registration to the forge's list."""
    lost_seconds: int
    """From the last sign of an idle runner at the forge to its pod's deletion."""
    ghost_seconds: int
    """From the disappearance of a pod to the removal of its registration."""


def registrar_config(
    forge: ForgeScope, grants: Iterable[Grant], deadlines: Deadlines, keep_failed: int, forge_ca: str = ""
) -> str:
    """The text of config.json; keep_failed is the number of failed pods kept per pool, with their logs.

    forge_ca is PEM, or "" where the forge's certificate is signed by a public CA.
    """
    content = {
        "forge": {"kind": forge.kind, "url": forge.api_url, **({"ca": forge_ca} if forge_ca else {})},
        "grants": [
            {
                "namespace": grant["namespace"],
                "scope": grant["scope"],
                "serviceAccounts": sorted(grant["service_accounts"]),
                "runnerGroup": grant.get("runner_group"),
            }
            for grant in grants
        ],
        "deadlines": {
            "scheduleSeconds": int(deadlines["schedule_seconds"]),
            "pullSeconds": int(deadlines["pull_seconds"]),
            "onlineSeconds": int(deadlines["online_seconds"]),
            "lostSeconds": int(deadlines["lost_seconds"]),
            "ghostSeconds": int(deadlines["ghost_seconds"]),
        },
        "keepFailed": int(keep_failed),
    }
    return json.dumps(content, indent=2) + "\n"
