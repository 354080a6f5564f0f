"""Quantity: an amount of CPU, memory or storage as Kubernetes writes it, with the bounds between which one makes sense.

Kubernetes takes far more than that: memory `400m` are 0.4 bytes there, and `32` are 32 (api/resource/quantity.go).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from values.visible_text import visible

NUMBER: Final = r"(?:(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,6})?|\.[0-9]{1,6})"
_WRITTEN: Final = re.compile(rf"(?P<number>{NUMBER})(?P<unit>[A-Za-z]{{0,2}})", re.ASCII)
# What people write for the units of bytes: GB, GiB, G, gi, gb …
_MEANT: Final = re.compile(rf"(?P<number>{NUMBER}) ?(?P<letter>[kKmMgGtTpP])[iI]?(?:[bB](?:ytes?)?)?", re.ASCII)
_PADDING: Final = re.compile(r"^\+?0+(?=[0-9])|^\+")
_COMMA: Final = re.compile(r"(?<=[0-9]),(?=[0-9]{1,2}(?![0-9]))")  # 1,5 as in much of Europe; 1,000 is another number
_MEANT_CORES: Final = re.compile(rf"({NUMBER}) ?(?:(m)(?:illi)?)? ?(?:c|v?cpus?|(?:milli)?cores?)?", re.ASCII)


@dataclass(frozen=True)
class Quantity:
    """A kind of amounts. units: what may stand behind the number, and how much it is; low and high are texts of it."""

    unit: str
    """What the number counts, e.g. `cores`."""
    units: Mapping[str, Decimal]
    low: str
    high: str
    example: str

    @property
    def allowed(self) -> str:
        """What may be written, in words."""
        units = ", ".join(filter(None, self.units))
        range_ = f"from {self.low} to {self.high}"
        return f"{self.unit} in quotes, {range_}, their unit {units} or none for whole {self.unit}, e.g. {self.example}"

    @property
    def pattern(self) -> str:
        """A regular expression that each of them matches; the bounds are not in it."""
        return f"^{NUMBER}(?:{'|'.join(sorted(filter(None, self.units)))})?$"

    def amount(self, text: str) -> Decimal:
        """How much it is. Raises ValueError that says what is wrong with the text and repeats nothing of it."""
        match = _WRITTEN.fullmatch(text)
        if match is None or match["unit"] not in self.units:
            raise ValueError(f"it is no number with a unit of {self.unit}")
        amount = Decimal(match["number"]) * self.units[match["unit"]]
        if amount < self._bound(self.low):
            raise ValueError(f"it is less than {self.low}")
        if amount > self._bound(self.high):
            raise ValueError(f"it is more than {self.high}")
        if self.unit == CORES and (amount * 1000) % 1:
            raise ValueError("Kubernetes counts thousandths of a core, and no smaller parts")
        return amount

    def is_one(self, text: str) -> bool:
        """Whether it is such an amount."""
        try:
            self.amount(text)
        except ValueError:
            return False
        return True

    def what_is_wrong(self, text: str) -> str:
        """Why this is none; of what could be understood, which bound it breaks."""
        wrong = ""
        for guess in (text, *self._guesses(text)):
            try:
                self.amount(guess)
            except ValueError as error:
                wrong = str(error)
        return wrong

    def meant(self, text: str) -> list[str]:
        """What somebody probably meant who wrote this, which is none; nothing where nobody can tell."""
        return [guess for guess in self._guesses(text) if self.is_one(guess)]

    def _guesses(self, text: str) -> list[str]:
        text = _COMMA.sub(".", _PADDING.sub("", visible(text).rstrip(",;")))
        match = _MEANT.fullmatch(text)
        if self.unit != BYTES:
            cores = _MEANT_CORES.fullmatch(text.lower())
            guesses = [f"{cores[1]}{cores[2] or ''}"] if cores else []
        elif self.is_one(text):
            guesses = [text]
        elif match is not None:
            guesses = [f"{match['number']}{match['letter'].upper()}i"]
        else:  # a unit was forgotten
            guesses = [f"{text}Gi", f"{text}Mi"] if re.fullmatch(NUMBER, text, re.ASCII) else []
        return guesses

    def _bound(self, text: str) -> Decimal:
        match = _WRITTEN.fullmatch(text)
        assert match is not None  # noqa: S101 - written below
        return Decimal(match["number"]) * self.units[match["unit"]]


CORES: Final = "cores"
BYTES: Final = "bytes"
_CORES: Final = {"": Decimal(1), "m": Decimal("0.001")}
_BYTES: Final = {
    "": Decimal(1),
    **{letter: Decimal(1000) ** power for power, letter in enumerate(("k", "M", "G", "T", "P"), 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate(("K", "M", "G", "T", "P"), 1)},
}


def _bytes(low: str, high: str, example: str) -> Quantity:
    return Quantity(BYTES, _BYTES, low, high, f'"{example}"')


CPU: Final = Quantity(CORES, _CORES, "1m", "1024", '"2" or "500m"')
# A runner at rest takes some 50 to 150 MiB; the largest machines of the clouds have 24 to 32 TiB.
MEMORY: Final = _bytes("64Mi", "32Ti", "8Gi")
QUOTA_CPU: Final = Quantity(CORES, _CORES, "1m", "1000000", '"64"')
QUOTA_MEMORY: Final = _bytes("64Mi", "100Pi", "500Gi")
SHARED_MEMORY: Final = _bytes("1Mi", "32Ti", "1Gi")
WORK_VOLUME: Final = _bytes("64Mi", "100Ti", "20Gi")
EPHEMERAL_STORAGE: Final = _bytes("1Mi", "100Ti", "10Gi")
CACHE: Final = _bytes("1Mi", "1Pi", "100Gi")
QUOTA_STORAGE: Final = _bytes("64Mi", "100Pi", "2Ti")
