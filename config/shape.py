"""Shape: which fields the parser reads and what may stand there, written down by the parser while it reads.

So the schema for editors says what the parser says, without a second description of a stack.
"""

import re
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]


@dataclass
class Shape:
    """fields: a JSON Schema by section and name. known: all names of a section. required: those without which it is
    refused. Sections are keys without the numbers of their items, e.g. `gpu-runners:pools[]`.
    """

    fields: dict[str, dict[str, Schema]] = field(default_factory=dict)
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    required: dict[str, set[str]] = field(default_factory=dict)

    def add(self, section: str, name: str, schema: Schema, *, required: bool) -> None:
        """A field that is read."""
        place = _place(section)
        self.fields.setdefault(place, {})[name] = schema
        if required:
            self.required.setdefault(place, set()).add(name)

    def close(self, section: str, names: tuple[str, ...]) -> None:
        """A section has these names and no other."""
        self.known[_place(section)] = names

    def schema(self, section: str) -> Schema:
        """The JSON Schema of a section and of all below it."""
        fields = {name: self._inner(section, name, schema) for name, schema in self.fields.get(section, {}).items()}
        schema: Schema = {"type": "object", "properties": dict(sorted(fields.items()))}
        if section in self.known:
            schema["additionalProperties"] = False
        if self.required.get(section):
            schema["required"] = sorted(self.required[section])
        return schema

    def _inner(self, section: str, name: str, schema: Schema) -> Schema:
        """A field's schema with those of the sections that lie in it."""
        at = f"{section}{name}" if section.endswith(":") else f"{section}.{name}"
        if schema == {"type": "object"}:
            return self.schema(at)
        if schema.get("items") == {"type": "object"}:
            return schema | {"items": self.schema(f"{at}[]")}
        return schema


def _place(section: str) -> str:
    return re.sub(r"\[\d+\]", "[]", section)
