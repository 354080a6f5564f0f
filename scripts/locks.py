"""The locks as values: every package with version, marker and the hashes of its files (`make lock` writes them)."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

LOCKS = Path(__file__).resolve().parent.parent / "locks"
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Locked:
    """One package of a lock."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> NormalizedName:
        """Its name as indexes compare it, e.g. `typing-extensions`."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The one version."""
        return str(self.requirement.specifier).removeprefix("==")

    def is_for(self, environment: dict[str, str]) -> bool:
        """Whether it is installed in an environment that differs from this one in these markers."""
        marker = self.requirement.marker
        return marker is None or marker.evaluate(environment)


def read(name: str) -> list[Locked]:
    """What a lock holds, e.g. `registrar`. Raises ValueError for a line that is not a package with its hashes."""
    text = re.sub(r"\\\n\s*", " ", (LOCKS / f"{name}.txt").read_text(encoding="utf-8"))
    return [_locked(line) for line in text.splitlines() if line]


def _locked(line: str) -> Locked:
    words, *hashes = line.split(" --hash=")
    found = tuple(_HASH.findall(line))
    if not found or len(found) != len(hashes):
        raise ValueError(f"{line[:80]}: not a package with hashes; run `make locks`")
    return Locked(Requirement(words.strip()), found)
