"""Asks GitHub which repositories may use an organization's runner group."""

from collections.abc import Iterator
from typing import Any, Final

from access.github.questions import AwayError, DeniedError, Questions, told
from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown

SHOWN: Final = 5


def visibility(questions: Questions, organization: str, name: str | None, token: str) -> Iterator[Finding]:
    """Who may use it, None being the default one; nothing where the group cannot be read, which its scope tells."""
    check = f"visibility of runner group {name or 'by default'} of {organization}"
    try:
        with told({403: "", 404: ""}):
            group = _find(questions, organization, name, token)
            if group is not None:
                yield _judged(check, group, _repositories(questions, organization, group, token))
    except DeniedError:
        return
    except AwayError as error:
        yield unknown(check, str(error), "run this again when GitHub answers")


def _find(questions: Questions, organization: str, name: str | None, token: str) -> Any:
    url = f"/orgs/{organization}/actions/runner-groups?per_page=100"
    groups: list[Any] = questions.ask("GET", url, token=token)[0]["runner_groups"]
    return next((one for one in groups if (one["default"] if name is None else one["name"] == name)), None)


def _repositories(questions: Questions, organization: str, group: Any, token: str) -> Any:
    """The first of a group that names its repositories, None for one that is open to all."""
    if group["visibility"] != "selected":
        return None
    url = f"/orgs/{organization}/actions/runner-groups/{group['id']}/repositories?per_page={SHOWN}"
    return questions.ask("GET", url, token=token)[0]


def _judged(check: str, group: Any, selected: Any) -> Finding:
    if selected is None:
        kind = "private " if group["visibility"] == "private" else ""
        who = f"all {kind}repositories may use it"
    elif not selected["total_count"]:
        return failed(check, "no repository may use it", "select your repositories in the settings of the group")
    else:
        names = ", ".join(one["full_name"] for one in selected["repositories"])
        more = ", …" if selected["total_count"] > len(selected["repositories"]) else ""
        who = f"{names}{more} may use it"
    workflows = ", ".join(group.get("selected_workflows") or ())
    return ok(check, f"{who}, in {workflows} only" if group.get("restricted_to_workflows") else who)
