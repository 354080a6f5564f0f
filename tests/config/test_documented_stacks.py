"""Every stack and every pool that the documentation shows can be used as it stands."""

import re
from typing import Any

import pytest
import yaml

from config.wiring_secrets import VARIABLE_PREFIX, named_secrets
from tests.github.app_key import private_key
from tests.program.stack_values import LOGIN, ROOT, loaded, loaded_file, stack_file

DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
DIGEST = "0" * 64


def blocks() -> list[tuple[str, Any]]:
    """The YAML blocks of all documents, with a digest where they say that there is one."""
    documented = []
    for document in DOCUMENTS:
        for number, text in enumerate(BLOCK.findall(document.read_text()), 1):
            documented.append(
                (f"{document.name} {number}", yaml.safe_load(text.replace("sha256:…", f"sha256:{DIGEST}")))
            )
    return documented


STACKS = [(name, block) for name, block in blocks() if isinstance(block, dict) and "config" in block]
POOLS = [(name, block) for name, block in blocks() if isinstance(block, list)]


@pytest.mark.parametrize("stack", [stack for _, stack in STACKS], ids=[name for name, _ in STACKS])
def test_a_documented_stack_loads(stack: dict[str, Any]) -> None:
    has_app = "gpu-runners:githubApp" in stack["config"]
    keys = ("GITHUB_APP_PRIVATE_KEY", "GITHUB_WIRING_APP_PRIVATE_KEY")
    credential = dict.fromkeys(keys, private_key()) if has_app else {"FORGE_TOKEN": "t"}
    named = named_secrets(stack["config"].get("gpu-runners:platform"))
    secrets = {f"{VARIABLE_PREFIX}{name}": LOGIN for name in named}
    assert loaded_file(stack["config"], credential | secrets).pools


@pytest.mark.parametrize("pools", [pools for _, pools in POOLS], ids=[name for name, _ in POOLS])
def test_a_documented_pool_may_be_added_to_the_dev_stack(pools: list[dict[str, Any]]) -> None:
    values = stack_file("dev")
    values["pools"] += pools
    assert [pool["name"] for pool in loaded(values).pools][1:] == [pool["name"] for pool in pools]


def test_there_are_stacks_and_pools_in_the_documentation() -> None:
    assert len(STACKS) >= 3
    assert POOLS
    assert ROOT / "docs" / "stacks.md" in DOCUMENTS
