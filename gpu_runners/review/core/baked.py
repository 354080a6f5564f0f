"""What an `up` wrote into the state without having declared it: added by hand before, and so part of its baseline.

The state has what was there after the last `up`. A field that somebody had added by then would be right from then on;
so whatever the program did not declare has to be the API server's word, or a webhook's in the metadata.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from gpu_runners.review.core.comparison import UNKNOWN, Difference, differences
from gpu_runners.review.core.evidence import PARTIAL, Declared, Json
from gpu_runners.review.core.field_path import MISSING, Path, look_up, overlaps
from gpu_runners.review.core.noise import GIVEN_OUT, content, is_quiet
from gpu_runners.review.core.ownership import PULUMI_PREFIX, Claim

_EMPTY: Final[tuple[Any, ...]] = (None, "", {}, [])
# Filled from another field of the same object.
_FOLLOWS: Final = frozenset(
    {
        "ServicePort.targetPort", "NetworkPolicySpec.policyTypes", "RoleRef.apiGroup",
        "PersistentVolumeClaimSpec.storageClassName",  # the cluster's default class
    }
)  # fmt: skip
_NAMESPACE_LABEL: Final[Path] = ("metadata", "labels", "kubernetes.io/metadata.name")


def baked(
    ours: Declared, live: Json, holds: str, claims: Iterable[Claim], known: Sequence[Path]
) -> Iterator[Difference]:
    """What differs from the declared values, and not from what the last `up` left; `known` differs from that too."""
    if live.get("partial") == PARTIAL:
        return
    foreign = [claim.path for claim in claims if not claim.manager.startswith(PULUMI_PREFIX)]

    def tolerates(difference: Difference) -> bool:
        path = difference.path
        if is_quiet(difference, ours.name.kind, ours.name.name, ours.ignored):
            return True
        if difference.before is not MISSING and difference.after is MISSING:
            return difference.before in _EMPTY
        if difference.before is MISSING and path[0] == "metadata":
            return path == _NAMESPACE_LABEL or not any(path == claim[: len(path)] for claim in foreign)
        return (
            difference.place in GIVEN_OUT
            or difference.place in _FOLLOWS
            or (difference.place == UNKNOWN and not any(overlaps(path, claim) for claim in foreign))
        )

    inputs = {key: part for key, part in ours.inputs.items() if key != "stringData"}
    for difference in differences(holds, content(inputs), content(live), tolerates):
        if not any(overlaps(difference.path, path) for path in known) and _is_in(ours.outputs, difference):
            yield difference


def _is_in(outputs: Json, difference: Difference) -> bool:
    """Whether the state has it: what it does not have was compared already."""
    return look_up(outputs, difference.path) is not MISSING or difference.after is MISSING
