"""The schema for editors is what the parser reads, takes what the parser takes, and refuses most of what it refuses."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from config.json_schema import read_shape
from config.wiring_secrets import VARIABLE_PREFIX, named_secrets
from tests.config.stack_schema import EVERY_KEY, SCHEMA, generated
from tests.config.test_any_yaml import places
from tests.config.test_documented_stacks import STACKS
from tests.config.test_invalid_stacks import FILES
from tests.github.app_key import private_key
from tests.program.stack_values import LOGIN, ROOT, defaults, loaded_file, set_config

STACK_FILES = [*ROOT.glob("Pulumi.*.yaml"), *ROOT.glob("lab/demo/**/Pulumi.*.yaml"), EVERY_KEY]
VALIDATOR = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
MODELINE = "# yaml-language-server: $schema="


def complaints(stack: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(stack)]


def test_the_schema_is_the_one_that_the_parser_gives() -> None:
    set_config(defaults(), secrets=("pools",))  # what stands encrypted in another's config is nothing to the schema
    assert SCHEMA.read_text() == generated(), "run `make schema`"


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(VALIDATOR.schema)


def test_the_stack_with_every_key_has_every_key_that_the_parser_knows() -> None:
    stack = yaml.safe_load(EVERY_KEY.read_text())["config"]
    shape = read_shape(stack, {f"gpu-runners:{key}": value for key, value in defaults().items()})
    assert shape.known
    unread = {at: sorted(set(names) - set(shape.fields.get(at, {}))) for at, names in shape.known.items()}
    assert {at: names for at, names in unread.items() if names} == {}
    assert {f"gpu-runners:{key}" for key in defaults()} == set(stack)


def test_the_stack_with_every_key_can_be_used() -> None:
    stack = yaml.safe_load(EVERY_KEY.read_text())["config"]
    keys = dict.fromkeys(("GITHUB_APP_PRIVATE_KEY", "GITHUB_WIRING_APP_PRIVATE_KEY"), private_key())
    secrets = {f"{VARIABLE_PREFIX}{name}": LOGIN for name in named_secrets(stack["gpu-runners:platform"])}
    assert len(loaded_file(stack, keys | secrets).pools) == 3


@pytest.mark.parametrize("file", STACK_FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_shipped_stack_file_is_valid_and_names_the_schema(file: Path) -> None:
    first = file.read_text().splitlines()[0]
    assert first.startswith(MODELINE)
    assert (file.parent / first.removeprefix(MODELINE)).resolve() == SCHEMA
    assert complaints(yaml.safe_load(file.read_text())) == []


@pytest.mark.parametrize("stack", [stack for _, stack in STACKS], ids=[name for name, _ in STACKS])
def test_a_documented_stack_is_valid(stack: dict[str, Any]) -> None:
    assert complaints(stack) == []


def test_most_invalid_stacks_are_refused_in_the_editor_already() -> None:
    refused = [file.stem for file in FILES if complaints(yaml.safe_load(file.read_text()))]
    assert len(refused) >= 0.6 * len(FILES)


def without_apps(stack: dict[str, Any]) -> dict[str, Any]:
    """The stack with every key whose credential is a token."""
    return stack | {"gpu-runners:githubApp": {}, "gpu-runners:githubWiringApp": {}}


@pytest.mark.parametrize("key", ["forgeCa", "githubApp", "githubWiringApp", "namespace", "proxy", "runnerImage"])
def test_nothing_may_be_written_where_nothing_is_the_default(key: str) -> None:
    stack = without_apps(yaml.safe_load(EVERY_KEY.read_text())["config"])
    stack["gpu-runners:pools"] = stack["gpu-runners:pools"][:1]
    (base, vision) = stack["gpu-runners:platform"]["environments"]
    stack["gpu-runners:platform"]["environments"] = [base, vision | {"namespace": "runners-vision"}]
    secrets = {f"{VARIABLE_PREFIX}{name}": LOGIN for name in named_secrets(stack["gpu-runners:platform"])}
    default = defaults()[key]
    for nothing in (default, None) if default == "" else (default,):
        stack[f"gpu-runners:{key}"] = nothing
        assert loaded_file(stack, {"FORGE_TOKEN": "t"} | secrets)
        assert complaints({"config": stack}) == []


def test_a_previewer_without_a_namespace_is_the_deployers_in_the_editor_too() -> None:
    stack = without_apps(yaml.safe_load(EVERY_KEY.read_text())["config"])
    del stack["gpu-runners:platform"]["environments"][1]["previewer"]["namespace"]
    secrets = {f"{VARIABLE_PREFIX}{name}": LOGIN for name in named_secrets(stack["gpu-runners:platform"])}
    assert loaded_file(stack, {"FORGE_TOKEN": "t"} | secrets)
    assert complaints({"config": stack}) == []


def test_the_file_with_every_key_has_each_of_them_written_out() -> None:
    """Not only known to the parser, which reads some whether or not they are there."""
    stack = yaml.safe_load(EVERY_KEY.read_text())["config"]
    shape = read_shape(stack, {f"gpu-runners:{key}": value for key, value in defaults().items()})
    written: dict[str, set[str]] = {}
    for *path, last in filter(None, places(stack)):
        if isinstance(last, str):
            at = "".join("[]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
            written.setdefault(at, set()).add(last)
    missing = {at: sorted(set(names) - written.get(at, set())) for at, names in shape.known.items()}
    assert {at: names for at, names in missing.items() if names and at != "gpu-runners:"} == {}


def test_numbers_and_truths_as_pulumi_writes_them_are_well_and_words_are_not() -> None:
    """`pulumi config set keepFailed 3` writes "3", and the engine hands both over as one."""
    stack = yaml.safe_load((ROOT / "lab/demo/gitea/Pulumi.dev.yaml").read_text())
    stack["config"] |= {"gpu-runners:keepFailed": "3", "gpu-runners:allowImageTags": "true"}
    assert loaded_file(stack["config"]).keep_failed == 3
    assert complaints(stack) == []
    stack["config"] |= {"gpu-runners:keepFailed": "3h", "gpu-runners:allowImageTags": "yes"}
    assert len(complaints(stack)) == 2


def test_keys_of_other_programs_and_credentials_are_none_of_its_business() -> None:
    stack = yaml.safe_load((ROOT / "lab/demo/gitea/Pulumi.dev.yaml").read_text())
    stack["config"] |= {"kubernetes:context": "lab", "gpu-runners:forgeToken": {"secure": "v1:x"}}
    stack |= {"encryptionsalt": "v1:x"}
    assert complaints(stack) == []
    stack["config"]["gpu-runners:pols"] = []
    assert len(complaints(stack)) == 1
