"""The committed stack files load, and the schema and the parser know the same keys."""

import config
from config.pod_extras import EXTRAS
from config.pools import DEFAULTED, FROM_STACK
from tests.program.stack_values import declared_keys, defaults, loaded, stack_file
from values.pool import RunnerPool


def test_the_dev_stack_loads_without_a_credential() -> None:
    stack = loaded(stack_file("dev"))
    assert stack.platform is None
    assert stack.credential is None
    assert [pool["name"] for pool in stack.pools] == ["cuda"]
    assert stack.pools_namespace == "gpu-runners-dev"


def test_the_platform_stack_loads_with_a_credential_from_the_environment() -> None:
    stack = loaded(stack_file("platform"), {"FORGE_TOKEN": "t"})
    assert stack.platform is not None
    namespaces = [environment.namespace for environment in stack.platform.environments]
    assert namespaces == ["gpu-runners-base", "gpu-runners-dev"]


def test_a_small_team_holds_platform_and_pools_in_one_stack() -> None:
    values = stack_file("platform")
    values["pools"] += [pool | {"namespace": "gpu-runners-dev"} for pool in stack_file("dev")["pools"]]
    stack = loaded(values, {"FORGE_TOKEN": "t"})
    assert [pool["name"] for pool in stack.pools] == ["base", "cuda"]


def test_the_schema_declares_exactly_the_keys_that_the_parser_reads() -> None:
    assert sorted(defaults()) == sorted(config.KEYS)


def test_every_key_has_a_description_and_a_default_and_leaves_types_to_the_parser() -> None:
    """The engine refuses another type on its own, with neither the value nor the cure."""
    assert [key for key, schema in declared_keys().items() if set(schema) != {"description", "default"}] == []


def test_pool_defaults_are_the_fields_that_a_pool_may_leave_out() -> None:
    assert set(defaults()["poolDefaults"]) == set(DEFAULTED)
    own = {"name", "labels", "replicas", "autoscaling", "image", "forge", "gpu", "prepull", "proxy"}
    assert len(RunnerPool.__annotations__) == len(own) + len(FROM_STACK) + len(EXTRAS) + len(DEFAULTED)


def test_the_release_of_a_pool_is_one_number() -> None:
    values = stack_file("dev")
    values["pools"][0]["replicas"] = 0
    assert loaded(values).pools[0]["replicas"] == 0
