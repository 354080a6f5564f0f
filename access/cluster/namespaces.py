"""Whether namespaces that a platform would make are free or its own: what lies in another one would be taken over.

Server-side apply makes what is not there and changes what is: without this look, a name that somebody else uses would
be the end of their network policies, quotas and pods.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from values.contract import OWN_LABELS, STACK_ANNOTATION
from values.problem import Problem, ProblemsError, count_of


class NamespaceTakenError(ProblemsError):
    """Some namespaces of the stack are somebody else's. Nothing was changed."""

    first_line: ClassVar[str] = "{count} with the namespaces of this stack; nothing was changed:"

    def __init__(self, problems: Iterable[Problem]) -> None:
        listed = list(problems)
        super().__init__(self.first_line.format(count=count_of(listed)), listed)


def require_own_namespaces(choice: ClusterChoice, names: Iterable[str], stack: str) -> None:
    """Raises NamespaceTakenError, ClusterError; asks nobody where there are no names."""
    wanted = list(names)
    if not wanted:
        return
    with ClusterConnection(choice) as cluster:
        problems = [problem for name in wanted if (problem := namespace_problem(cluster, name, stack))]
    if problems:
        raise NamespaceTakenError(problems)


def namespace_problem(cluster: ClusterConnection, name: str, stack: str) -> Problem | None:
    """Why the stack may not have it; None where it is not there, or is the stack's. Raises ClusterError."""
    found = cluster.find(f"/api/v1/namespaces/{name}")
    return None if found is None else _problem(name, found.get("metadata") or {}, stack)


def require_unused_namespace(cluster: ClusterConnection, name: str, stack: str) -> None:
    """For a namespace that the stack's state does not hold: raises NamespaceTakenError where another stack of the same
    name has made it and works in it. Raises ClusterError.

    One that is empty was made by an `up` of this stack that ended before it had written that down; one without the
    annotation was handed to the stack by a person.
    """
    found = cluster.find(f"/api/v1/namespaces/{name}")
    annotations = ((found or {}).get("metadata") or {}).get("annotations") or {}
    if annotations.get(STACK_ANNOTATION) != stack:
        return
    ours = ",".join(f"{label}={value}" for label, value in OWN_LABELS.items())
    if any(cluster.items(f"/api/v1/namespaces/{name}/serviceaccounts", {"labelSelector": ours})):
        cure = "give this stack or its namespaces another name; or, where it is this stack's and its state was lost, "
        cure += f"`kubectl annotate namespace {name} {STACK_ANNOTATION}-`"
        what = f"one that a stack {stack} with another state has made and works in"
        raise NamespaceTakenError([Problem(f"namespace {name}", what, "one that is not there, or this stack's", cure)])


def _problem(name: str, metadata: Mapping[str, Any], stack: str) -> Problem | None:
    key = f"namespace {name}"
    if metadata.get("deletionTimestamp"):
        cure = f"wait until `kubectl get namespace {name}` finds none; it shows what keeps it"
        return Problem(key, "one that is being deleted", "one that is not there, or this stack's", cure)
    labels = metadata.get("labels") or {}
    if {label: labels.get(label) for label in OWN_LABELS} != OWN_LABELS:
        handed = " ".join(f"{label}={value}" for label, value in OWN_LABELS.items())
        cure = "choose another name; or, to give it and all that is in it to this stack, "
        cure += f"`kubectl label --overwrite namespace {name} {handed}`"
        return Problem(key, "one that this program did not make", "one that is not there, or this stack's", cure)
    owner = (metadata.get("annotations") or {}).get(STACK_ANNOTATION, stack)
    if owner != stack:
        cure = "choose another name; or, where the stack was renamed, "
        cure += f"`kubectl annotate --overwrite namespace {name} {STACK_ANNOTATION}={stack}`"
        return Problem(key, f"that of the stack {owner}", f"one that is not there, or that of {stack}", cure)
    return None
