"""The identities of the closed platform, as the API server knows them, and what docs/security.md says each may do."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.lab.adversary.written_pods import BASE, NAMESPACE

SYSTEM: Final = "gpu-runners-closed-system"
DOCUMENT: Final = Path(__file__).resolve().parents[3] / "docs" / "security.md"
# A place as the document calls it → the namespaces of the closed platform.
PLACES: Final[dict[str, tuple[str, ...]]] = {
    "each environment": (BASE, NAMESPACE),
    "base runners' environment": (BASE,),
    "deployed environment": (NAMESPACE,),
    "registrar's namespace": (SYSTEM,),
}
WHOLE_CLUSTER: Final = "the whole cluster"
USERS: Final = {
    "registrar": f"system:serviceaccount:{SYSTEM}:registrar",
    "deployer": f"system:serviceaccount:{BASE}:deployer",
    "previewer": f"system:serviceaccount:{BASE}:previewer",
    "auditor": f"system:serviceaccount:{BASE}:auditor",
    "runner": f"system:serviceaccount:{NAMESPACE}:runner",
    "base runner": f"system:serviceaccount:{BASE}:runner",
}


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource; name is "" for any object. Written as Roles are: `*` is what they say."""

    group: str
    resource: str
    name: str
    verb: str


def documented(identity: str, namespace: str) -> set[Right]:
    """What the document says that an identity may do in a namespace, of the closed platform or not."""
    rights = (
        right
        for who, place, right in rows()
        if who == identity and (place == WHOLE_CLUSTER or namespace in PLACES[place])
    )
    return {of_stack(right, "closed") for right in rights}


def rows() -> Iterator[tuple[str, str, Right]]:
    """Identity, place and right, for each right of the document's table."""
    text = DOCUMENT.read_text()
    table = text[text.index("| identity | where |") :].split("\n\n")[0]
    for line in table.splitlines()[2:]:
        identity, place, groups, resources, names, verbs = (cell.strip() for cell in line.strip("|").split("|"))
        if verbs == "none":
            continue
        for group in words(groups):
            for resource in words(resources):
                for name in words(names) or [""]:
                    for verb in words(verbs):
                        yield identity, place, Right("" if group == "core" else group, resource, name, verb)


def of_stack(right: Right, stack: str) -> Right:
    """The same where the document says STACK."""
    return replace(right, name=right.name.replace("STACK", stack))


def words(cell: str) -> list[str]:
    """The words of a cell, which are in backticks or plain, and separated by commas."""
    return [word.strip().strip("`") for word in cell.split(",") if word.strip().strip("`")]
