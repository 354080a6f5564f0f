"""Drift of the forge: runners that nobody declared, and registrations that are not what their pods were given."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from gpu_runners.review.core.evidence import Json
from gpu_runners.review.core.findings import Drift, Kind

# A pod's name: that of its pool, the hash of its template, five letters.
_POD: Final = re.compile(r"(?P<pool>.+)-[a-z0-9]{6,10}-[a-z0-9]{5}")


def drift(entries: Iterable[Json], pools: Collection[str], pods: Collection[str]) -> list[Drift]:
    """`entries` is the registrar's list; `pools` names every Deployment of any stack, `pods` this stack's that stay.

    The registration of a pod that leaves goes with it, whatever it says by then.
    """
    drifts: list[Drift] = []
    entries = list(entries)
    for entry in entries:
        pod = entry.get("pod")
        if pod is None and not _is_leftover(entry, pools):
            drifts.append(_stranger(entry))
        elif pod in pods:
            drifts += _registration(entry)
    return [*drifts, *_outdated(entry for entry in entries if entry.get("warning") and entry.get("pod") in pods)]


def leftovers(entries: Iterable[Json], pools: Collection[str]) -> list[str]:
    """Registrations of pods that are gone: the registrar removes them, so they are worth a note and no more."""
    return [entry["name"] for entry in entries if entry.get("pod") is None and _is_leftover(entry, pools)]


def pools_of(entries: Iterable[Json]) -> set[str]:
    """The pools of all pods that the registrar serves, those of stacks in other backends too."""
    pods = (str(entry["pod"]).rpartition("/")[2] for entry in entries if entry.get("pod"))
    return {match["pool"] for match in map(_POD.fullmatch, pods) if match}


def _is_leftover(entry: Json, pools: Collection[str]) -> bool:
    """By the name that a pod of ours would have; one with a job and without a pod is not ours, whatever its name."""
    match = _POD.fullmatch(entry["name"])
    is_ours = match is not None and match["pool"] in pools
    return is_ours and bool(entry.get("ephemeral")) and not entry.get("busy")


def _stranger(entry: Json) -> Drift:
    labels = ", ".join(entry.get("labels") or ()) or "none"
    state = "busy" if entry.get("busy") else "online" if entry.get("online") else "offline"
    return Drift(
        kind=Kind.RUNNER,
        what=f"Runner {entry['name']} in {entry.get('scope') or 'the whole forge'}",
        field="",
        declared="-",
        live=f"registered by hand, {state}; labels: {labels}",
        who="unknown: the forge does not tell",
        when="unknown",
        up="nothing; `make repair` has the registrar remove it, or says why not",
        runner=(entry.get("scope", ""), int(entry["id"])),
    )


def _registration(entry: Json) -> list[Drift]:
    if not entry.get("problem"):
        return []
    return [
        Drift(
            kind=Kind.RUNNER,
            what=f"Runner {entry['name']} of pod {entry['pod']}",
            field="registration",
            declared="as its pool declares",
            live=entry["problem"],
            who="unknown: the forge does not tell",
            when="unknown",
            up="nothing; `make repair` replaces the pod",
            runner=(entry.get("scope", ""), int(entry["id"])),
            pod=entry["pod"],
        )
    ]


def _outdated(entries: Iterable[Json]) -> list[Drift]:
    """One for each pool and version: all its pods have the same image. GitHub alone refuses versions."""
    counts: dict[tuple[str, str], int] = {}
    for entry in entries:
        namespace, _, pod = entry["pod"].partition("/")
        match = _POD.fullmatch(pod)
        key = (f"{namespace}/{match['pool'] if match else pod}", entry["warning"])
        counts[key] = counts.get(key, 0) + 1
    return [
        Drift(
            kind=Kind.VERSION,
            what=f"Runners of {pool} ({count})",
            field="version",
            declared="one that the forge will go on serving",
            live=warning,
            who="the forge",
            when="unknown",
            up="nothing; with a newer `runnerImage` in the stack it replaces the pods, each once it is idle",
        )
        for (pool, warning), count in counts.items()
    ]


def staying(live: Iterable[Json]) -> set[str]:
    """`namespace/name` of the pods that nobody has deleted."""
    pods = (live_object["metadata"] for live_object in live if live_object.get("kind") == "Pod")
    return {f"{pod.get('namespace')}/{pod['name']}" for pod in pods if "deletionTimestamp" not in pod}
