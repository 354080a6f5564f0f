"""Whether the declared network policies let pods reach what they need; else the block to write. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import indent

from gpu_runners.doctor.core.findings import Finding, failed, ok
from values.egress import METADATA_NETWORKS, EgressRule, as_block, overlaps, uncovered


@dataclass(frozen=True)
class Way:
    """What somebody needs to reach: check and target in words, wanted its addresses, key where `egress` would stand."""

    check: str
    target: str
    wanted: Sequence[EgressRule]
    key: str


def runners_reach(
    way: Way, egress: Sequence[EgressRule], blocked: Iterable[str], alternatives: Sequence[EgressRule] = ()
) -> Finding:
    """Runners reach the internet without the blocked networks, and what the environment's egress names.

    alternatives are written beside what is missing: another address of the same target, which some enforcers look at.
    """
    closed = [*blocked, *METADATA_NETWORKS]
    inside = [wish for wish in way.wanted if overlaps(wish["cidr"], closed)]
    return _verdict(way, uncovered(inside, egress), [*egress, *inside, *alternatives])


def registrar_reaches(way: Way, egress: Sequence[EgressRule]) -> Finding:
    """The registrar reaches what it is given, and nothing else."""
    return _verdict(way, uncovered(way.wanted, egress), [*egress, *way.wanted])


def _verdict(way: Way, missing: Sequence[EgressRule], block: Iterable[EgressRule]) -> Finding:
    if not missing:
        return ok(way.check, f"{way.target} is reached at {_words(way.wanted)}")
    once = {(rule["cidr"], tuple(rule.get("ports", ()))): rule for rule in block}
    # As in a stack file: below `config:` and the key, two columns a level, and two more within an item of a list.
    depth = 2 * (way.key.count(".") + way.key.count("[") + 2)
    found = f"the network policy lets no pod reach {way.target} at {_words(missing)}"
    cure = f"write this at {way.key}, or the networks of these addresses where they change, as at EKS:"
    return failed(way.check, found, f"{cure}\n{indent(as_block(once.values()), ' ' * depth)}")


def _words(rules: Sequence[EgressRule]) -> str:
    shown = [f"{rule['cidr']} port {', '.join(map(str, rule.get('ports', ['any'])))}" for rule in rules[:4]]
    return ", ".join(shown) + (f" and {len(rules) - 4} more" if len(rules) > 4 else "")
