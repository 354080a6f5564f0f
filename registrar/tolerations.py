"""Toleration: a taint of nodes that a pool's runners may come to all the same. Trusts nothing to be there."""

from collections.abc import Iterable
from dataclasses import dataclass

from lightkube.models.core_v1 import PodSpec
from lightkube.models.core_v1 import Toleration as Written


@dataclass(frozen=True, kw_only=True)
class Toleration:
    """As Kubernetes reads it: key "" is any key, value None any value, effect "" any effect."""

    key: str
    value: str | None
    effect: str

    def covers(self, other: "Toleration") -> bool:
        """Whether it tolerates whatever the other does."""
        return (
            self.key in ("", other.key) and self.value in (None, other.value) and self.effect in ("", other.effect)
        )  # fmt: skip


def read_tolerations(pod: PodSpec | None) -> frozenset[Toleration]:
    """Those of a pod template."""
    return frozenset(map(_read, (pod and pod.tolerations) or ()))


def tolerates_no_more(these: Iterable[Toleration], those: Iterable[Toleration]) -> bool:
    """Whether every taint that these tolerate is tolerated by those as well."""
    return all(any(wide.covers(narrow) for wide in those) for narrow in these)


def _read(written: Written) -> Toleration:
    value = None if written.operator == "Exists" else f"{written.value or ''}"
    # "Gt" and "Lt" compare: what they tolerate is covered by the very same one, or by any value.
    compared = "" if written.operator in (None, "", "Equal", "Exists") else f"{written.operator} "
    value = value if value is None else f"{compared}{value}"
    return Toleration(key=f"{written.key or ''}", value=value, effect=f"{written.effect or ''}")
