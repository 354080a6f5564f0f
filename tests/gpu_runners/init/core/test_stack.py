"""The text of a stack's file: the parser takes it, whatever was answered, and it says what was answered."""

from dataclasses import replace
from decimal import Decimal

import pytest
import yaml

from gpu_runners.init.core import sizes
from gpu_runners.init.core.gpu_kinds import GpuKind
from gpu_runners.init.core.next_steps import next_steps
from gpu_runners.init.core.stack import Encrypted, Image, Pool, Stack, scalar, stack_text
from tests.github.app_key import private_key
from tests.program.stack_values import loaded_file

DIGEST = f"sha256:{'0' * 64}"
KIND = GpuKind("nvidia.com/gpu", "nvidia", {"nvidia.com/gpu.product": "NVIDIA-L4"})
POOL = Pool("gpu", "gpu-runners", ["self-hosted", "gpu"], 2, Image(f"cuda:12@{DIGEST}"), "4", "16Gi", "4Gi", 1, KIND)
STACK = Stack(
    "gpus", "github", "https://github.com/vision/training", "gpu-runners-system", Image(f"registrar@{DIGEST}"),
    Image(f"ghcr.io/actions/actions-runner@{DIGEST}"), POOL, app_id=4711,
)  # fmt: skip
GITEA = replace(
    STACK, forge="gitea", scope="https://git.example.com/a/b", app_id=None,
    forge_egress=[{"cidr": "10.1.2.3/32", "ports": [443]}], registrar_egress=[{"cidr": "10.1.2.3/32", "ports": [443]}],
)  # fmt: skip
KINDS = {
    "mig": GpuKind("nvidia.com/mig-1g.10gb", "nvidia-plain"),
    "amd": GpuKind("amd.com/gpu", "amd"),
    "no preset": GpuKind("gpu.intel.com/xe", "", {"true": "true", "1": "0x1F"}),
    "taints": GpuKind("nvidia.com/gpu", "aks", {}, ({"key": "yes", "operator": "Exists", "effect": "NoExecute"},)),
}
STACKS = {
    "github": STACK,
    "gitea": GITEA,
    "no gpu": replace(STACK, pool=replace(POOL, gpus=0)),
    "tags": replace(STACK, tags_allowed=True, runner_image=Image("lab.local/runner:lab")),
    "context": replace(STACK, context="arn:aws:eks:eu-central-1:1:cluster/x y"),
    "words of yaml": replace(STACK, pool=replace(POOL, name="on", namespace="1e3", labels=["no", "0x10", "a=b"])),
    **{name: replace(STACK, pool=replace(POOL, kind=kind)) for name, kind in KINDS.items()},
}


@pytest.mark.parametrize("name", STACKS)
def test_the_parser_takes_what_is_written(name: str) -> None:
    stack = STACKS[name]
    environment = {"GITHUB_APP_PRIVATE_KEY": private_key()} if stack.app_id else {"FORGE_TOKEN": "t"}
    config = yaml.safe_load(stack_text(stack))["config"]
    loaded = loaded_file({key: value for key, value in config.items() if key.startswith("gpu-runners:")}, environment)
    (pool,) = loaded.pools
    assert (pool["name"], pool["labels"], pool["namespace"]) == (
        stack.pool.name,
        stack.pool.labels,
        stack.pool.namespace,
    )
    assert pool["image"] == stack.pool.image.reference
    assert ("gpu" in pool) == bool(stack.pool.gpus)
    if "gpu" in pool:
        assert pool["gpu"]["resource"] == stack.pool.kind.resource
        assert stack.pool.kind.selector.items() <= pool["gpu"]["node_selector"].items()
    assert config.get("kubernetes:context", "") == stack.context


@pytest.mark.parametrize("name", STACKS)
def test_secrets_stand_where_pulumi_looks_for_them(name: str) -> None:
    salt = "v1:a=:v1:b:c=="
    text = stack_text(STACKS[name], Encrypted({"forgeToken": "v1:x:y"}, {"encryptionsalt": salt}))
    document = yaml.safe_load(text)
    assert document["encryptionsalt"] == salt
    assert document["config"]["gpu-runners:forgeToken"] == {"secure": "v1:x:y"}


@pytest.mark.parametrize(
    "text", ["yes", "1", "1.0", "~", "a: b", "#x", "- a", "null", "", " a", "a #b", "é", '"', "0o7", "12:30"]
)
def test_a_text_is_read_back_as_that_text(text: str) -> None:
    assert yaml.safe_load(f"[{scalar(text)}]") == [text]


@pytest.mark.parametrize(
    ("whole", "gpus", "of", "cpu"),
    [
        ("96", 1, 8, "9"),
        ("2", 1, 4, "350m"),
        ("0.1", 1, 8, "50m"),
        ("0", 1, 0, "2"),
        ("8", 0, 4, "1"),
        ("4", 1, 3, "1"),
    ],
)
def test_a_runner_gets_its_gpus_part_of_the_cores(whole: str, gpus: int, of: int, cpu: str) -> None:
    assert sizes.cpu(Decimal(whole), gpus, of) == cpu


@pytest.mark.parametrize(("whole", "of", "memory"), [(64, 4, "12Gi"), (1, 4, "192Mi"), (0, 0, "8Gi")])
def test_a_runner_gets_its_gpus_part_of_the_memory(whole: int, of: int, memory: str) -> None:
    assert sizes.memory(Decimal(whole * 2**30), 1, of) == memory


def test_what_to_run_next_is_in_the_order_in_which_it_is_done() -> None:
    said = next_steps(
        STACK, "Pulumi.gpus.yaml", "https://x/installations/new", has_credential=True, has_passphrase=True
    )
    steps = [line for line in said.splitlines() if line[0].isdigit()]
    assert [step.split()[1] for step in steps] == ["install", "gpu-runners", "pulumi", "in"]
    assert steps[-1].endswith("runs-on: gpu")
    later = next_steps(GITEA, "Pulumi.gpus.yaml", "", has_credential=False, has_passphrase=False)
    assert "1. pulumi config set --secret forgeToken --stack gpus" in later
    github = next_steps(STACK, "Pulumi.gpus.yaml", "", has_credential=False, has_passphrase=False)
    assert "1. gpu-runners app repository --stack gpus --organization vision  " in github
    assert "of your own account vision: without --organization" in github


@pytest.mark.parametrize(
    ("mebibytes", "shared"), [(64 * 1024, "8Gi"), (16 * 1024, "4Gi"), (4096, "1Gi"), (2048, "512Mi"), (1, "1Mi")]
)
def test_a_quarter_of_a_runners_memory_is_shared_and_eight_gibibytes_at_most(mebibytes: int, shared: str) -> None:
    assert sizes.shared_memory(Decimal(mebibytes * 2**20)) == shared


def test_what_was_written_is_told_with_what_to_keep() -> None:
    first, following, *_ = next_steps(STACK, "f.yaml", "", has_credential=True, has_passphrase=True).splitlines()
    assert first == (
        "f.yaml is written; its secrets are encrypted, so it may be committed. "
        "Keep PULUMI_CONFIG_PASSPHRASE: it opens them, and `pulumi` asks for it."
    )
    assert following == "Next:"
    first, *_ = next_steps(STACK, "f.yaml", "", has_credential=False, has_passphrase=False).splitlines()
    assert first == "f.yaml is written."


def test_an_app_is_made_for_the_scope_and_installed_before_it_is_used() -> None:
    organization = replace(STACK, scope="https://github.com/vision/")
    said = next_steps(organization, "f.yaml", "https://x/new", has_credential=False, has_passphrase=False)
    assert "1. install the App on https://github.com/vision/: https://x/new" in said
    assert "2. gpu-runners app organization --stack gpus --organization vision  " in said


def test_an_app_is_made_at_the_forge_whose_runners_these_are() -> None:
    server = replace(STACK, scope="https://ghes.example.com:8443/vision", forge_ca="PEM")
    said = next_steps(server, "f.yaml", "", has_credential=False, has_passphrase=False)
    flags = "--organization vision --github https://ghes.example.com:8443 --forge-ca FILE  "
    assert f"gpu-runners app organization --stack gpus {flags}" in said


def test_of_githubs_runner_it_is_said_that_it_grows_old_and_of_giteas_not() -> None:
    words = "GitHub serves a version of its runner for some weeks only"
    assert words in stack_text(STACK)
    assert words not in stack_text(GITEA)
