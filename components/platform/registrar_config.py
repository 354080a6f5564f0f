"""The registrar's config.json. Pure; the registrar reads it as strictly as it is written here."""

import json
from collections.abc import Iterable, Mapping

from components.platform.registrar_args import DeadlinesArgs, GrantArgs
from values.scope import ForgeScope


def registrar_config(
    forge: ForgeScope,
    grants: Iterable[GrantArgs],
    deadlines: DeadlinesArgs,
    keep_failed: int,
    *,
    forge_ca: str = "",
    proxy: str = "",
    autoscalers: Mapping[str, str] | None = None,
) -> str:
    """The text of config.json; keep_failed is the number of failed pods kept per pool, with their logs.

    forge_ca is PEM, or "" where the forge's certificate is signed by a public CA. proxy: the URL of the one through
    which the forge is reached, or "". autoscalers: the certificate (PEM) that the autoscaler of a namespace shows.
    """
    shown = autoscalers or {}
    content = {
        "forge": {
            "kind": forge.kind,
            "url": forge.api_url,
            **({"ca": forge_ca} if forge_ca else {}),
            **({"proxy": proxy} if proxy else {}),
        },
        "grants": [
            {
                "namespace": grant["namespace"],
                "scope": grant["scope"],
                "serviceAccounts": sorted(grant["service_accounts"]),
                "runnerGroup": grant.get("runner_group"),
                **({"labels": list(grant["labels"])} if "labels" in grant else {}),
                **({"jobs": [{**job} for job in grant["jobs"]]} if "jobs" in grant else {}),
                **({"rerunLostJobs": True} if grant.get("rerun_lost_jobs") else {}),
                **({"autoscaler": shown[grant["namespace"]]} if grant["namespace"] in shown else {}),
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
