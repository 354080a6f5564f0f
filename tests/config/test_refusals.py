"""Every bad input ends in a message that names the key, what was found, what is allowed and the cure."""

from collections.abc import Callable
from typing import Any

import pytest

from config import StackConfigError
from tests.stack_values import Values, loaded, stack_file

Change = Callable[[Values], object]


def refusal(values: Values, environment: dict[str, str] | None = None, secrets: tuple[str, ...] = ()) -> str:
    with pytest.raises(StackConfigError) as refused:
        loaded(values, environment, secrets)
    return str(refused.value)


def pool(values: Values) -> dict[str, Any]:
    found: dict[str, Any] = values["pools"][0]
    return found


POOLS: list[tuple[str, Change, str, str]] = [
    ("zero GPUs", lambda v: pool(v)["gpu"].update(count=0), "pools[0].gpu.count: found 0", "from 1 to 64"),
    ("negative GPUs", lambda v: pool(v)["gpu"].update(count=-1), "pools[0].gpu.count: found -1", "has no `gpu`"),
    ("GPUs as text", lambda v: pool(v)["gpu"].update(count="1"), 'pools[0].gpu.count: found "1"', "whole number"),
    ("GPUs as truth", lambda v: pool(v)["gpu"].update(count=True), "pools[0].gpu.count: found true", "whole number"),
    ("half a GPU", lambda v: pool(v)["gpu"].update(count=0.5), "pools[0].gpu.count: found 0.5", "whole number"),
    (
        "no resource",
        lambda v: pool(v)["gpu"].pop("resource"),
        "pools[0].gpu.resource: found nothing",
        "choose a preset",
    ),
    ("odd resource", lambda v: pool(v)["gpu"].update(resource="gpu"), 'gpu.resource: found "gpu"', "nvidia.com/gpu"),
    ("odd preset", lambda v: pool(v)["gpu"].update(preset="tpu"), 'gpu.preset: found "tpu"', "nvidia, amd, intel"),
    (
        "selector that is no label",
        lambda v: pool(v)["gpu"].update(nodeSelector={"bad key!": "x"}),
        "pools[0].gpu.nodeSelector.bad key!",
        "a Kubernetes label",
    ),
    (
        "selector value that YAML made a truth",
        lambda v: pool(v)["gpu"].update(nodeSelector={"nvidia.com/gpu.present": True}),
        "pools[0].gpu.nodeSelector.nvidia.com/gpu.present: found true",
        "quotes",
    ),
    (
        "toleration without key",
        lambda v: pool(v)["gpu"].update(tolerations=[{"operator": "Exists"}]),
        "pools[0].gpu.tolerations[0].key: found nothing",
        "accepts every taint",
    ),
    (
        "toleration with odd effect",
        lambda v: pool(v)["gpu"]["tolerations"][0].update(effect="Never"),
        'pools[0].gpu.tolerations[0].effect: found "Never"',
        "NoSchedule",
    ),
    (
        "toleration that exists and equals",
        lambda v: pool(v)["gpu"]["tolerations"][0].update(value="x"),
        "pools[0].gpu.tolerations[0].value: found",
        "say Equal",
    ),
    (
        "image without digest",
        lambda v: v.update(allowImageTags=False),
        'pools[0].image: found "lab.local/cuda-mlops:lab"',
        "allowImageTags",
    ),
    ("no image", lambda v: pool(v).pop("image"), "pools[0].image: found nothing", "an image"),
    ("odd image", lambda v: pool(v).update(image="a b"), 'pools[0].image: found "a b"', "an image"),
    ("no runner image", lambda v: v.pop("runnerImage"), "pools[0].runnerImage: found nothing", "an image"),
    (
        "duplicate pool",
        lambda v: v["pools"].append(dict(pool(v))),
        "pools[1].name: found gpu-runners-dev/cuda, which is pools[0]",
        "rename one",
    ),
    (
        "namespace that is not DNS-1123",
        lambda v: v.update(namespace="GPU_Runners"),
        'namespace: found "GPU_Runners"',
        "DNS-1123",
    ),
    ("no namespace", lambda v: v.pop("namespace"), "pools[0].namespace: found nothing", "DNS-1123"),
    ("unknown key", lambda v: v.update(pols=[]), "gpu-runners:pols: found an unknown key", "did you mean pools?"),
    ("unknown pool key", lambda v: pool(v).update(replica=1), "pools[0].replica: found an unknown", "replicas?"),
    ("unknown gpu key", lambda v: pool(v)["gpu"].update(counts=1), "pools[0].gpu.counts", "did you mean count?"),
    ("label with comma", lambda v: pool(v).update(labels=["a,b"]), 'pools[0].labels[0]: found "a,b"', "without comma"),
    ("label with space", lambda v: pool(v).update(labels=["a b"]), 'pools[0].labels[0]: found "a b"', "without comma"),
    ("empty label", lambda v: pool(v).update(labels=[""]), 'pools[0].labels[0]: found ""', "a word"),
    ("no label", lambda v: pool(v).update(labels=[]), "pools[0].labels: found nothing", "at least one"),
    ("label twice", lambda v: pool(v).update(labels=["a", "a"]), "pools[0].labels: found a 2 times", "once"),
    ("labels as text", lambda v: pool(v).update(labels="gpu"), 'pools[0].labels: found "gpu"', "a list"),
    ("negative replicas", lambda v: pool(v).update(replicas=-1), "pools[0].replicas: found -1", "from 0 to"),
    ("replicas as truth", lambda v: pool(v).update(replicas=True), "pools[0].replicas: found true", "whole number"),
    ("odd memory", lambda v: pool(v).update(memory="8 GB"), 'pools[0].memory: found "8 GB"', "8Gi"),
    ("no CPU at all", lambda v: pool(v).update(cpu="0"), 'pools[0].cpu: found "0"', "positive"),
    ("CPU as number", lambda v: pool(v).update(cpu=2), "pools[0].cpu: found 2", "in quotes"),
    (
        "short protection",
        lambda v: pool(v).update(protectJobSeconds=5),
        "pools[0].protectJobSeconds: found 5",
        "from 30",
    ),
    (
        "odd identity",
        lambda v: pool(v).update(identity="admin"),
        'pools[0].identity: found "admin"',
        "none or deployer",
    ),
    ("long name", lambda v: pool(v).update(name="a" * 41), "pools[0].name", "at most 40"),
    ("pool that is text", lambda v: v.update(pools=["cuda"]), 'pools[0]: found "cuda"', "a mapping"),
    ("pools that are a mapping", lambda v: v.update(pools={"cuda": {}}), "gpu-runners:pools: found", "a list"),
    ("no forge", lambda v: v.pop("forge"), 'gpu-runners:forge: found ""', "gitea"),
    ("an unknown forge", lambda v: v.update(forge="gitlab"), 'gpu-runners:forge: found "gitlab"', "gitea or github"),
    ("an odd truth", lambda v: v.update(allowImageTags="maybe"), "allowImageTags: found", "true or false"),
    ("no time", lambda v: v.update(onlineDeadlineSeconds=0), "onlineDeadlineSeconds: found 0", "from 10"),
    ("odd CIDR", lambda v: v.update(blockedCidrs=["10.0.0.1/8"]), "blockedCidrs[0]", "a network"),
    (
        "a default that is no field",
        lambda v: v.update(poolDefaults={"cp": "2"}),
        "poolDefaults.cp",
        "did you mean cpu?",
    ),
    ("nothing at all", lambda v: v.pop("pools"), "gpu-runners:pools: found neither", "at least one"),
]


@pytest.mark.parametrize(("change", "found", "cure"), [row[1:] for row in POOLS], ids=[row[0] for row in POOLS])
def test_a_bad_pool_is_refused_by_key(change: Change, found: str, cure: str) -> None:
    values = stack_file("dev")
    change(values)
    message = refusal(values)
    assert found in message
    assert cure in message


def environment(values: Values) -> dict[str, Any]:
    found: dict[str, Any] = values["platform"]["environments"][1]
    return found


PLATFORMS: list[tuple[str, Change, str, str]] = [
    ("scope without URL", lambda v: v["platform"].update(scope="mlops/guide"), "platform.scope: found", "no http"),
    ("scope too deep", lambda v: v["platform"].update(scope="http://f/a/b/c"), "platform.scope: found", "owner"),
    ("scope with token", lambda v: v["platform"].update(scope="http://a:b@f/c"), "platform.scope: found", "forgeToken"),
    ("no scope", lambda v: v["platform"].pop("scope"), "platform.scope: found nothing", "the URL of a repository"),
    (
        "another forge's scope",
        lambda v: environment(v).update(scope="http://other/a"),
        "environments[1].scope: found http://other",
        "a platform of its own",
    ),
    ("no environment", lambda v: v["platform"].update(environments=[]), "platform.environments: found", "at least one"),
    ("no quota", lambda v: environment(v).pop("quota"), "environments[1].quota.gpus: found nothing", "spare"),
    ("negative quota", lambda v: environment(v).update(quota={"gpus": -1}), "quota.gpus: found -1", "from 0"),
    ("odd quota", lambda v: environment(v).update(quota={"gpus": {"gpu": 1}}), "quota.gpus.gpu", "nvidia.com/gpu"),
    ("odd egress", lambda v: environment(v).update(egress=[{"cidr": "forge"}]), 'egress[0].cidr: found "forge"', "/32"),
    (
        "odd port",
        lambda v: environment(v).update(egress=[{"cidr": "10.0.0.0/8", "ports": ["https"]}]),
        "egress[0].ports",
        "TCP ports",
    ),
    (
        "deployer from nowhere",
        lambda v: environment(v).update(deployer={"namespace": "nowhere", "stack": "dev"}),
        "environments[1].deployer.namespace: found nowhere",
        "the namespace of an environment",
    ),
    (
        "runners beside the credential",
        lambda v: environment(v).update(namespace="gpu-runners-system"),
        "environments[1].namespace: found gpu-runners-system",
        "another namespace than the registrar's",
    ),
    (
        "environment twice",
        lambda v: environment(v).update(namespace="gpu-runners-base"),
        "environments: found namespace gpu-runners-base 2 times",
        "once",
    ),
    (
        "pool in a namespace that no environment declares",
        lambda v: pool(v).update(namespace="elsewhere"),
        "pools[0].namespace: found elsewhere",
        "gpu-runners-base, gpu-runners-dev",
    ),
    (
        "base runner without a deployer",
        lambda v: environment(v).pop("deployer"),
        "pools[0].identity: found deployer",
        "a pool in a deployer's namespace",
    ),
    (
        "pool beyond the quota",
        lambda v: pool(v).update(gpu={"count": 1, "preset": "nvidia"}),
        "gpu-runners:pools: found 1 nvidia.com/gpu in gpu-runners-base",
        "its quota, 0",
    ),
    (
        "odd registrar image",
        lambda v: v["platform"]["registrar"].update(image=""),
        'registrar.image: found ""',
        "image",
    ),
]


@pytest.mark.parametrize(("change", "found", "cure"), [row[1:] for row in PLATFORMS], ids=[row[0] for row in PLATFORMS])
def test_a_bad_platform_is_refused_by_key(change: Change, found: str, cure: str) -> None:
    values = stack_file("platform")
    change(values)
    message = refusal(values, {"FORGE_TOKEN": "t"})
    assert found in message
    assert cure in message


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
