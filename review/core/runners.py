"""Drift of the forge: runners that nobody declared, and registrations that are not what their pods were given."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from review.core.evidence import Json
from review.core.findings import Drift, Kind

# A pod's name: that of its pool, the hash of its template, five letters.
_POD: Final = re.compile(r"(?P<pool>.+)-[a-z0-9]{6,10}-[a-z0-9]{5}")


def drift(entries: Iterable[Json], pools: Collection[str], pods: Collection[str]) -> list[Drift]:
    """`entries` is the registrar's list; `pools` names every Deployment of any stack, `pods` this stack's that stay.

    The registration of a pod that leaves goes with it, whatever it says by then.
    """
    found: list[Drift] = []
    for entry in entries:
        pod = entry.get("pod")
        if pod is None and not _is_leftover(entry, pools):
            found.append(_stranger(entry))
        elif pod in pods:
            found += _registration(entry)
    return found


def leftovers(entries: Iterable[Json], pools: Collection[str]) -> list[str]:
    """Registrations of pods that are gone: the registrar removes them, so they are worth a note and no more."""
    return [entry["name"] for entry in entries if entry.get("pod") is None and _is_leftover(entry, pools)]


def _is_leftover(entry: Json, pools: Collection[str]) -> bool:
    match = _POD.fullmatch(entry["name"])
    return bool(match) and bool(entry.get("ephemeral")) and match["pool"] in pools if match else False


def _stranger(entry: Json) -> Drift:
    labels = ", ".join(entry.get("labels") or ()) or "none"
    state = "online" if entry.get("online") else "offline"
    return Drift(
        kind=Kind.RUNNER,
        what=f"Runner {entry['name']} in {entry.get('scope') or 'the whole forge'}",
        field="",
        declared="-",
        live=f"registered by hand, {state}; labels: {labels}",
        who="unknown: the forge does not tell",
        when="unknown",
        up="nothing; `make repair` removes it",
        runner=(entry.get("scope", ""), int(entry["id"])),
    )


def _registration(entry: Json) -> list[Drift]:
    """`group` and `refused_at` are GitHub's; Gitea has no groups and refuses no version."""
    problems = [("registration", entry["problem"])] if entry.get("problem") else []
    if entry.get("refused_at"):
        problems.append(("version", f"{entry.get('version')}: the forge refuses it from {entry['refused_at']}"))
    return [
        Drift(
            kind=Kind.RUNNER,
            what=f"Runner {entry['name']} of pod {entry['pod']}",
            field=field,
            declared="as its pool declares" if field == "registration" else "one that the forge accepts",
            live=problem,
            who="unknown: the forge does not tell",
            when="unknown",
            up="nothing; `make repair` replaces the pod",
            runner=(entry.get("scope", ""), int(entry["id"])),
            pod=entry["pod"],
        )
        for field, problem in problems
    ]


def staying(live: Iterable[Json]) -> set[str]:
    """`namespace/name` of the pods that nobody has deleted."""
    pods = (one["metadata"] for one in live if one.get("kind") == "Pod")
    return {f"{pod.get('namespace')}/{pod['name']}" for pod in pods if "deletionTimestamp" not in pod}
