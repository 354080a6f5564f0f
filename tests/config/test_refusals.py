"""What a refusal says beyond one bad value; bad values are data, in `invalid/`."""

from typing import Any

import pytest

from config import StackConfigError
from tests.program.stack_values import Values, loaded, stack_file


def refusal(values: Values, environment: dict[str, str] | None = None, secrets: tuple[str, ...] = ()) -> str:
    with pytest.raises(StackConfigError) as refused:
        loaded(values, environment, secrets)
    return str(refused.value)


def pool(values: Values) -> dict[str, Any]:
    found: dict[str, Any] = values["pools"][0]
    return found


def test_a_missing_credential_names_both_ways_to_give_it() -> None:
    message = refusal(stack_file("platform"))
    assert "gpu-runners:forgeToken: found nothing" in message
    assert "pulumi config set --secret forgeToken" in message
    assert "FORGE_TOKEN" in message


def test_a_credential_in_plain_text_is_refused_and_not_shown() -> None:
    message = refusal(stack_file("platform") | {"forgeToken": "hunter2"})
    assert "a credential in plain text" in message
    assert "hunter2" not in message


def test_an_encrypted_credential_is_taken() -> None:
    stack = loaded(stack_file("platform") | {"forgeToken": "hunter2"}, secrets=("forgeToken",))
    assert stack.credential is not None
    assert stack.credential.token == "hunter2"
    assert "hunter2" not in repr(stack)


def test_all_problems_of_a_stack_are_in_one_message() -> None:
    values = stack_file("dev")
    pool(values).update(replicas=-1, labels=["a b"], name="Cuda")
    pool(values)["gpu"].update(count=0, typo=1)
    message = refusal(values)
    assert "5 problems; nothing was changed" in message
    for key in ("replicas", "labels[0]", "name", "gpu.count", "gpu.typo"):
        assert f"gpu-runners:pools[0].{key}: found" in message


def test_pools_of_one_name_in_two_namespaces_are_two_pools() -> None:
    values = stack_file("dev")
    values["pools"].append(pool(values) | {"namespace": "gpu-runners-prod"})
    assert len(loaded(values).pools) == 2


def test_a_preset_fills_in_what_the_placement_leaves_out() -> None:
    values = stack_file("dev")
    pool(values)["gpu"] = {"preset": "nvidia", "count": 2, "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"}}
    gpu = loaded(values).pools[0]["gpu"]
    assert gpu["resource"] == "nvidia.com/gpu"
    assert gpu["node_selector"] == {"nvidia.com/gpu.present": "true", "nvidia.com/gpu.product": "NVIDIA-L4"}
    assert gpu["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_a_mig_slice_is_a_resource_like_any_other() -> None:
    values = stack_file("dev")
    pool(values)["gpu"]["resource"] = "nvidia.com/mig-1g.10gb"
    assert loaded(values).pools[0]["gpu"]["resource"] == "nvidia.com/mig-1g.10gb"


HUSH = "hush0123hush"


@pytest.mark.parametrize(
    ("token", "found"),
    [
        (f"{HUSH}\n", "a token with a blank or a line break"),
        (f"{HUSH}\r\n", "a token with a blank or a line break"),
        (f"Bearer {HUSH}", "a token with a blank or a line break"),
        (f"{HUSH}é", "a token with letters that are not ASCII"),
        (f"{HUSH}\u200b", "a token with letters that are not ASCII"),
        (" \n", "nothing but blanks"),
        (HUSH * 400, "a text of 4800 letters"),
    ],
)
@pytest.mark.parametrize("is_in_file", [True, False])
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(token: str, found: str, is_in_file: bool) -> None:
    values = stack_file("platform")
    if is_in_file:
        message = refusal(values | {"forgeToken": token}, secrets=("forgeToken",))
    else:
        message = refusal(values, {"FORGE_TOKEN": token})
    assert f"gpu-runners:forgeToken: found {found}, which is not shown" in message
    assert "set it anew, without a line break at its end" in message
    assert HUSH not in message


@pytest.mark.parametrize("name", ["memory", "sharedMemory", "workVolume", "ephemeralStorage", "cpu"])
@pytest.mark.parametrize(
    "text", ["", " ", "-1", "0", "8 Gi ", "inf", "NaN", "0x10", "1_000", "9" * 400, "1" * 17 + "Gi"]
)
def test_an_amount_that_is_none_is_refused_with_one_that_is(name: str, text: str) -> None:
    values = stack_file("dev")
    pool(values)[name] = text
    message = refusal(values)
    assert f"gpu-runners:pools[0].{name}: found " in message
    assert "cure: write " in message


def test_no_cure_only_says_that_something_is_wrong() -> None:
    values = stack_file("dev")
    for name in list(pool(values)):
        pool(values)[name] = {"odd": [1]}
    message = refusal(values)
    assert message.count("found ") >= 10
    for nothing in ("correct it", "cure: add it\n", "of this range"):
        assert nothing not in message


@pytest.mark.parametrize("name", ["npm_config_cache", "hf_home"])
def test_a_variable_whose_name_begins_as_a_token_does_is_none(name: str) -> None:
    values = stack_file("dev")
    pool(values)["env"] = {name: "/caches/x"}
    assert loaded(values).pools[0]["env"] == {name: "/caches/x"}
    pool(values)["env"] = {name: "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"}
    assert "a value that is not shown" in refusal(values)


@pytest.mark.parametrize(
    "key",
    [
        "karpenter.sh/disrupted",
        "node.cilium.io/agent-not-ready",
        "ToBeDeletedByClusterAutoscaler",
        "startup-taint.cluster-autoscaler.kubernetes.io/gpu-driver",
        "node-role.kubernetes.io/control-plane",
    ],
)
def test_no_pool_tolerates_a_taint_that_comes_and_goes(key: str) -> None:
    values = stack_file("dev")
    pool(values)["gpu"]["tolerations"] = [{"key": key, "operator": "Exists"}]
    with pytest.raises(StackConfigError, match="does not come and go"):
        loaded(values)
