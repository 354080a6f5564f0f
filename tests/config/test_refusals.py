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
