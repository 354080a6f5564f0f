"""Writes the schema for editors anew: `python -m tests.config.stack_schema`."""

import json
from typing import Final

import yaml

from config.json_schema import json_schema, read_shape
from tests.program.stack_values import ROOT, declared_keys, defaults

EVERY_KEY: Final = ROOT / "schema" / "every-key.yaml"
SCHEMA: Final = ROOT / "schema" / "stack.schema.json"


def generated() -> str:
    """The schema as its file holds it."""
    stack = yaml.safe_load(EVERY_KEY.read_text(encoding="utf-8"))["config"]
    shape = read_shape(stack, {f"gpu-runners:{key}": value for key, value in defaults().items()})
    return f"{json.dumps(json_schema(declared_keys(), shape), indent=2, ensure_ascii=False)}\n"


if __name__ == "__main__":
    SCHEMA.write_text(generated(), encoding="utf-8")
