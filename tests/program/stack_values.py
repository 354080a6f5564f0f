"""A stack's config as the engine would hand it over: a stack file's values over the defaults of Pulumi.yaml."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
import yaml

from config import StackConfig, load
from values.api_server import ApiServer
from values.egress import EgressRule

ROOT = Path(__file__).parents[2]
Values = dict[str, Any]
LOGIN = '{"auths": {"registry.example.com": {"auth": "dTpw"}}}'  # a pull Secret's; good enough for any secret
API_SERVER = ApiServer(({"cidr": "10.0.1.12/32", "ports": [6443]},), ({"cidr": "10.96.0.1/32", "ports": [443]},))


def find_api_server(declared: Sequence[EgressRule] = ()) -> ApiServer:
    """As the program asks a cluster."""
    return ApiServer(tuple(declared) or API_SERVER.endpoints, API_SERVER.service)


def stack_file(name: str) -> Values:
    """The values of a stack file of the lab, without their prefix; each call gives its own."""
    values = yaml.safe_load((ROOT / f"lab/demo/gitea/Pulumi.{name}.yaml").read_text())["config"]
    return {key.removeprefix("gpu-runners:"): value for key, value in values.items()}


def without_deployers(values: Values) -> Values:
    """The same platform, whose environments are deployed by people: its scope may be any then."""
    for environment in values["platform"]["environments"]:
        environment.pop("deployer", None)
    for pool in values["pools"]:
        pool["identity"] = "none"
    return values


def declared_keys() -> dict[str, dict[str, Any]]:
    """The schema in Pulumi.yaml."""
    schema: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    return schema


def defaults() -> Values:
    """The defaults of Pulumi.yaml."""
    return {key: schema["default"] for key, schema in declared_keys().items()}


def set_config(values: Values, secrets: tuple[str, ...] = ()) -> pulumi.Config:
    """Hands values to the SDK; secrets names the keys that are encrypted in the file."""
    return _set_config({f"gpu-runners:{key}": value for key, value in values.items()}, secrets)


def _set_config(config: Values, secrets: tuple[str, ...] = ()) -> pulumi.Config:
    declared = {f"gpu-runners:{key}": value for key, value in defaults().items()}
    texts = {key: as_handed_over(value) for key, value in sorted((declared | config).items())}
    pulumi.runtime.set_all_config(texts, [f"gpu-runners:{key}" for key in secrets])
    return pulumi.Config("gpu-runners")


def as_handed_over(value: Any) -> str:
    """A value as the engine's own JSON: keys in order, a whole fraction as a number, nothing as an empty text."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(_as_go_has_it(value))


def _as_go_has_it(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_go_has_it(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list):
        return list(map(_as_go_has_it, value))
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else value


def loaded(values: Values, environment: Mapping[str, str] | None = None, secrets: tuple[str, ...] = ()) -> StackConfig:
    """The stack's config. Raises StackConfigError."""
    return load(set_config(values, secrets), environment or {})


def loaded_file(config: Values, environment: Mapping[str, str] | None = None) -> StackConfig:
    """The config under the key `config` of a stack file, with whatever keys it has. Raises StackConfigError."""
    return load(_set_config(config), environment or {})
