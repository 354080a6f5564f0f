"""The JSON Schema of stack files, for editors. `make schema` writes it.

Everything in it comes from Pulumi.yaml (keys, meanings, defaults) and from the parser, which writes down what it reads
of schema/every-key.yaml. It is looser: relations, bounds of quantities and credentials are the parser's alone.
"""

import contextlib
import json
from collections.abc import Mapping
from typing import Any, Final

import pulumi

from config.credential import SECRET_KEYS
from config.keys import KEYS, NAMESPACE
from config.shape import Shape
from config.stack import StackConfigError, load

# A key of another name is a mistake; those of other programs (kubernetes:context) and secrets of the wiring are none.
_OWN_KEYS: Final = f"^{NAMESPACE}:(?!(?:{'|'.join((*KEYS, *SECRET_KEYS))}|[A-Z_][A-Z0-9_]*)$)"


def read_shape(stack: Mapping[str, Any], defaults: Mapping[str, Any]) -> Shape:
    """What the parser reads of a stack file that has every key; both mappings have keys with their namespace."""
    texts = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in {**defaults, **stack}.items()
    }
    pulumi.runtime.set_all_config(texts, [])  # and what was encrypted in a config before this one is forgotten
    shape = Shape()
    with contextlib.suppress(StackConfigError):  # of its credentials, which are not here
        load(pulumi.Config(NAMESPACE), {}, shape)
    return shape


def _as_written_by_pulumi(schema: dict[str, Any]) -> dict[str, Any]:
    """`pulumi config set` puts numbers and truths into quotes; at the top of a config the engine sees no difference."""
    if schema.get("type") == "integer":
        return {**schema, "type": ["integer", "string"], "pattern": "^-?[0-9]+$"}
    return (
        {**schema, "type": ["boolean", "string"], "pattern": "^(true|false)$"}
        if schema.get("type") == "boolean"
        else schema
    )


def _or_nothing(schema: dict[str, Any], default: Any) -> dict[str, Any]:
    """Where nothing is given without the key, the same nothing may be written: an empty text, an empty mapping."""
    if default == "" and "enum" not in schema:  # of nothing behind a key the engine makes an empty text
        pattern = {"pattern": f"^$|{schema['pattern']}"} if "pattern" in schema else {}
        return {**schema, **pattern, "type": ["string", "null"]}
    if default == {} and schema.get("required"):
        rest = {name: schema[name] for name in schema if name != "required"}
        return {**rest, "anyOf": [{"maxProperties": 0}, {"required": schema["required"]}]}
    return schema


def json_schema(declared: Mapping[str, Mapping[str, Any]], shape: Shape) -> dict[str, Any]:
    """declared: the section `config` of Pulumi.yaml."""
    fields = shape.schema(f"{NAMESPACE}:")["properties"]
    keys = {
        f"{NAMESPACE}:{key}": {
            **_or_nothing(_as_written_by_pulumi(fields[key]), entry["default"]),
            "description": " ".join(entry["description"].split()),
        }
        | ({"default": entry["default"]} if entry["default"] else {})
        for key, entry in declared.items()
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A stack of gpu-runners",
        "description": "Pulumi.STACK.yaml; what a schema cannot say, `pulumi preview` and `gpu-runners doctor` do.",
        "type": "object",
        "properties": {
            "config": {"type": "object", "properties": keys, "propertyNames": {"not": {"pattern": _OWN_KEYS}}}
        },
    }
