"""A stack of the program as the rules see it, and ways to change one object of it."""

import copy
import functools
import json
import runpy
from collections.abc import Callable
from typing import Any

import yaml

from config.stack import StackConfig
from policy_rules.catalogue import RULES
from policy_rules.resources import Resource
from policy_rules.rule import Violation
from tests.github.app_key import PKCS8, private_key
from tests.program.recorded import run
from tests.program.stack_values import ROOT, find_api_server, loaded, loaded_file, stack_file

Change = Callable[[dict[str, Any]], object]
BY_NAME = {rule.name: rule for rule in RULES}
POOL = "gpu-runners-dev-cuda"
LAB_IMAGES = {"acceptTags": ["lab.local/*"]}
DIGEST = f"registry.example.com/cuda@sha256:{'0' * 64}"


@functools.cache
def declared() -> tuple[Resource, ...]:
    """What a stack with a platform and a GPU pool sends to the engine."""
    values = stack_file("platform")
    values["pools"] += [pool | {"namespace": "gpu-runners-dev"} for pool in stack_file("dev")["pools"]]
    return _sent(loaded(values, {"FORGE_TOKEN": "t"}))


def with_every_key() -> tuple[Resource, ...]:
    """What the stack sends that has every key that there is."""
    values = yaml.safe_load((ROOT / "schema" / "every-key.yaml").read_text())["config"]
    login = json.dumps({"auths": {"registry.example.com": {"auth": "YTpi"}}})
    named = {"REGISTRY_LOGIN": login, "AWS_ACCESS_KEY_ID": "a", "STATE_KEY": "a", "PULUMI_CONFIG_PASSPHRASE": "a"}
    keys = dict.fromkeys(("GITHUB_APP_PRIVATE_KEY", "GITHUB_WIRING_APP_PRIVATE_KEY"), private_key(PKCS8))
    return _sent(loaded_file(values, {f"GPU_RUNNERS_SECRET_{name}": value for name, value in named.items()} | keys))


def _sent(config: StackConfig) -> tuple[Resource, ...]:
    declare = runpy.run_path(str(ROOT / "__main__.py"), run_name="program")["declare"]
    return tuple(
        Resource(
            registered.type,
            registered.name,
            urn(registered.type, registered.name),
            registered.inputs,
            registered.ignored,
        )
        for registered in run(lambda: declare(config, "1.36", find_api_server), "dev").resources
    )


def changed(stack: list[Resource], kind: str, name: str, change: Change) -> list[Resource]:
    """The stack with one object of it changed."""
    (old,) = [resource for resource in stack if resource.kind == kind and resource.name == name]
    inputs = copy.deepcopy(dict(old.inputs))
    change(inputs)
    new = Resource(old.type, old.name, old.urn, inputs, old.ignored)
    return [new if resource is old else resource for resource in stack]


def violations(rule: str, stack: list[Resource], settings: dict[str, Any] | None = None) -> list[Violation]:
    return list(BY_NAME[rule].check(stack, settings or {}))


def pod(inputs: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = inputs["spec"]["template"]["spec"]
    return spec


def runner(inputs: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = pod(inputs)["containers"][0]
    return container


def urn(type_token: str, name: str) -> str:
    return f"urn:pulumi:dev::gpu-runners::{type_token}::{name}"


def made(type_token: str, inputs: dict[str, Any], ignored: tuple[str, ...] = ()) -> Resource:
    """A resource that somebody adds to the stack."""
    return Resource(type_token, "added", urn(type_token, "added"), inputs, ignored)


def pool_inputs() -> dict[str, Any]:
    """The GPU pool's Deployment, to be changed."""
    (pool,) = [each for each in declared() if each.kind == "Deployment" and each.name == POOL]
    return copy.deepcopy(dict(pool.inputs))
