"""The ServiceAccount `default`, which every namespace gets: whatever its controller did not write, somebody added."""

from collections.abc import Iterable
from typing import Final

from gpu_runners.review.core import ownership, secrecy
from gpu_runners.review.core.comparison import differences
from gpu_runners.review.core.evidence import PARTIAL, Json, Key, key_of, name_of
from gpu_runners.review.core.field_path import show
from gpu_runners.review.core.findings import Drift, Kind
from gpu_runners.review.core.noise import content, is_quiet

DEFAULT: Final = "default"
UP_LEAVES_ACCOUNT: Final = "nothing; delete the account, and its controller makes it anew"


def drift(live: Iterable[Json], declared: Iterable[Key]) -> list[Drift]:
    """What was added to a `default` that no stack declares."""
    known = set(declared)
    drifts: list[Drift] = []
    for account in live:
        key = key_of(account)
        if (key[0], key[2]) != ("ServiceAccount", DEFAULT) or key in known or account.get("partial") == PARTIAL:
            continue
        name = name_of(account)
        made = {
            "apiVersion": name.version,
            "kind": name.kind,
            "metadata": {"name": DEFAULT, "namespace": name.namespace},
        }
        for difference in differences(
            "ServiceAccount", made, content(account), lambda entry: is_quiet(entry, "ServiceAccount", DEFAULT, ())
        ):
            owner = ownership.owner(account, difference.path, exists=True)
            drifts.append(
                Drift(
                    kind=Kind.ADDED,
                    what=str(name),
                    field=show(difference.path),
                    declared=secrecy.NOTHING,
                    live=secrecy.redacted(difference.after, difference.path),
                    who=owner.who if owner else "unknown: nobody claims it",
                    when=(owner and owner.time) or "unknown",
                    up=UP_LEAVES_ACCOUNT,
                )
            )
    return drifts
