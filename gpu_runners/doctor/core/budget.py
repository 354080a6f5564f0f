"""Whether a credential at GitHub has enough requests left this hour. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from gpu_runners.doctor.core.findings import Finding, failed, ok

LEAST_SHARE: Final = 0.1  # of the hour's budget: below it somebody else spends it
LEAST_LIMIT: Final = 1000  # a budget for an hour that busy pools can live on


def budget(check: str, answer: Mapping[str, Any]) -> Finding:
    """answer: that of GET /rate_limit."""
    core = answer["resources"]["core"]
    limit, remaining = int(core["limit"]), int(core["remaining"])
    found = f"{remaining} of {limit} requests are left this hour"
    if limit < LEAST_LIMIT:
        return failed(check, found, "use an App or a personal access token: a workflow's own token is not enough")
    if remaining < limit * LEAST_SHARE:
        until = f"{datetime.fromtimestamp(int(core['reset']), UTC):%H:%M} UTC"
        cure = f"wait until {until} and find out who else uses this credential; an App made for the registrar alone "
        return failed(check, found, f"{cure}has a budget of its own")
    return ok(check, found)
