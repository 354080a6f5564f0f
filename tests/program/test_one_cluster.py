"""Everybody who asks a cluster asks the stack's: `pulumi up`, its waits, the doctor, the review and the repair.

Two kubeconfigs, each of a cluster of its own: the stack's config names one, the environment the other.
"""

import asyncio
import copy
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterChoiceError
from access.cluster.program_choice import choice_of_this_program
from access.cluster.version import read_version
from components.cluster_hook import cluster_hook
from gpu_runners.doctor.cluster import version
from gpu_runners.doctor.core.findings import State
from gpu_runners.program import main
from gpu_runners.pulumi_command import Program, opened
from gpu_runners.review.collect import Request, collect
from gpu_runners.stack_cluster import cluster_of
from gpu_runners.stack_config import set_config
from gpu_runners.state.allow_list import SECRET, SIGNATURE
from tests.access.cluster.api_server import ApiServer, api_server

CONFIG_MAPS = "/api/v1/namespaces/team/configmaps"
AUTOSCALERS = "/apis/autoscaling/v2/namespaces/team/horizontalpodautoscalers"
URN = "urn:pulumi:dev::gpu-runners::kubernetes:core/v1:ConfigMap::pools-dev"
PROVIDER = "urn:pulumi:dev::gpu-runners::pulumi:providers:kubernetes::default_4_25_0"
STATE: dict[str, Any] = {
    "version": 3,
    "deployment": {
        "resources": [
            {
                "urn": PROVIDER,
                "type": "pulumi:providers:kubernetes",
                "custom": True,
                "id": "1",
                "inputs": {"__internal": {}, "version": "4.25.0"},
                "outputs": {"version": "4.25.0"},
            },
            {
                "urn": URN,
                "type": "kubernetes:core/v1:ConfigMap",
                "custom": True,
                "id": "team/pools-dev",
                "inputs": {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "pools-dev", "namespace": "team"},
                },
                "outputs": {"__fieldManager": "pulumi-kubernetes"},
                "provider": f"{PROVIDER}::1",
            },
        ]
    },
}
KIND = {"kind": "ConfigMap"}
KINDS = [{"resource": "configmaps", "responseKind": KIND, "scope": "Namespaced", "verbs": ["list"]}]

# Pulumi's command line, as it answers what is asked here: a secret is shown only to whoever asks for it.
PULUMI = f"""#!{sys.executable}
import json, subprocess, sys, yaml
arguments = sys.argv[1:]
if arguments[0] == "config":
    file = arguments[arguments.index("--config-file") + 1]
    values = yaml.safe_load(open(file))["config"]
    is_secret = {{key: isinstance(value, dict) and "secure" in value for key, value in values.items()}}
    if arguments[1] == "get":
        value = values[arguments[2]]
        print(value["secure"] if is_secret[arguments[2]] else value)
    else:
        shown = {{key: {{"secret": True}} if is_secret[key] else {{"value": value, "secret": False}}
                 for key, value in values.items()}}
        print(json.dumps(shown))
elif arguments[:2] == ["stack", "export"]:
    text = open("state.json").read()
    plain = '"plaintext": ' + json.dumps('"secret"')
    print(text.replace('"ciphertext": "v1:a:b"', plain) if "--show-secrets" in arguments else text)
elif arguments[:2] == ["stack", "ls"]:
    print("[]")
elif "--run-program" in arguments:
    sys.exit(subprocess.run([sys.executable, "__main__.py"]).returncode)
else:
    print("{{}}")
"""


class Two:
    """The cluster of the stack, and the one that the environment names."""

    def __init__(self, stacks: ApiServer, environments: ApiServer, folder: Path) -> None:
        self.stacks, self.environments, self.folder = stacks, environments, folder
        for server in (stacks, environments):
            core = {"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": KINDS}]}
            server.answers |= {"/api": {"items": [core]}, "/apis": {"items": []}}
            server.answers[CONFIG_MAPS] = {"items": []}
        stacks.kubeconfig(folder / "stacks", context="its-own")
        environments.kubeconfig(folder / "environments", context="another")

    def bring_up(self, **provider: Any) -> None:
        """Writes the state as `up` leaves it: the provider's config is among its inputs, secrets as ciphertexts."""
        state = copy.deepcopy(STATE)
        for key, value in provider.items():
            secret = {SIGNATURE: SECRET, "ciphertext": "v1:a:b"}
            state["deployment"]["resources"][0]["inputs"][key] = value if isinstance(value, str) else secret
        (self.folder / "state.json").write_text(json.dumps(state))

    def configure(self, *, is_up: bool = True, **provider: Any) -> None:
        """Writes the stack file with this config of the Kubernetes provider, and the state if that was brought up."""
        if is_up:
            self.bring_up(**provider)
        config = {f"kubernetes:{key}": value for key, value in provider.items()}
        (self.folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
        shown = {key: {"value": value, "secret": False} for key, value in config.items() if isinstance(value, str)}
        set_config(shown)

    @property
    def asked(self) -> tuple[bool, bool]:
        """Whether the stack's was asked, and the environment's."""
        return bool(self.stacks.asked), bool(self.environments.asked)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    (tmp_path / "Pulumi.yaml").write_text("name: gpu-runners\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").write_text(PULUMI)
    (tmp_path / "bin" / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "environments"))
    with api_server() as stacks, api_server() as environments:
        both = Two(stacks, environments, tmp_path)
        both.configure(kubeconfig=str(tmp_path / "stacks"))
        yield both
    pulumi.runtime.set_all_config({})


def check_of_up(two: Two) -> None:
    assert read_version(choice_of_this_program(os.environ)) == "1.36"


def wait_of_up(two: Two) -> None:
    """The hook of the pools and the one of the registrar are made by the same function."""

    def look(cluster: ClusterConnection) -> None:
        cluster.get("/version")

    hook = cluster_hook(look, str)
    asyncio.run(hook(None))  # type: ignore[arg-type]


def doctor(two: Two) -> None:
    assert version(choice_of_this_program(os.environ, two.folder)).state is State.OK


def review(two: Two) -> None:
    with opened(two.folder, "dev", None) as program:
        evidence = collect(Request(program=program, without=frozenset({"runners"}), with_preview=False))
    assert (evidence.unread, evidence.live) == ((), ())


def repair(two: Two) -> None:
    """Both clusters hold an object that no stack declares: that of the wrong one must survive."""
    for server in (two.stacks, two.environments):
        person = [{"manager": "kubectl-create", "operation": "Update"}]
        metadata = {"namespace": "team", "name": "stray", "uid": "1", "resourceVersion": "1", "managedFields": person}
        stray = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}
        server.answers |= {CONFIG_MAPS: {"items": [stray]}, f"{CONFIG_MAPS}/stray": stray, AUTOSCALERS: {"items": []}}
    main(["repair", "dev", "--folder", str(two.folder), "--without", "runners", "--yes"])
    asked = [server.asked.count(f"DELETE {CONFIG_MAPS}/stray") for server in (two.stacks, two.environments)]
    assert sorted(asked) == [0, 3]  # two trials, and the deletion


USERS = [check_of_up, wait_of_up, doctor, review, repair]


@pytest.mark.parametrize("use", USERS)
def test_everybody_arrives_at_the_cluster_that_the_stack_names(two: Two, use: Callable[[Two], None]) -> None:
    use(two)
    assert two.asked == (True, False)


@pytest.mark.parametrize("use", USERS)
def test_everybody_follows_the_context_that_the_stack_names(
    two: Two, monkeypatch: pytest.MonkeyPatch, use: Callable[[Two], None]
) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{two.folder / 'environments'}:{two.folder / 'stacks'}")
    two.configure(context="its-own")
    use(two)
    assert two.asked == (True, False)


@pytest.mark.parametrize("use", USERS)
def test_without_a_word_of_the_stack_everybody_follows_the_environment(two: Two, use: Callable[[Two], None]) -> None:
    two.configure()
    use(two)
    assert two.asked == (False, True)


@pytest.mark.parametrize("use", [review, repair])
def test_a_kubeconfig_that_is_a_secret_of_the_stack_is_followed(two: Two, use: Callable[[Two], None]) -> None:
    two.configure(kubeconfig={"secure": (two.folder / "stacks").read_text()})
    use(two)
    assert two.asked == (True, False)


def program(two: Two) -> Program:
    return Program(folder=two.folder, stack="dev", config_file=two.folder / "Pulumi.dev.yaml")


def test_an_expected_context_that_is_not_the_stacks_stops_everything_and_asks_nobody(two: Two) -> None:
    with pytest.raises(ClusterChoiceError, match="on the context its-own of the kubeconfig, and not on another"):
        cluster_of(program(two), os.environ, "another")
    evidence = collect(Request(program=program(two), context="another", with_preview=False))
    assert evidence.live is None
    assert "kubernetes:context another --stack dev" in evidence.unread[0]
    assert two.asked == (False, False)


def test_an_expected_context_that_is_the_stacks_changes_nothing(two: Two) -> None:
    assert cluster_of(program(two), os.environ, "its-own") == cluster_of(program(two), os.environ)


@pytest.mark.parametrize("key", ["kubeconfig", "context"])
def test_a_stack_that_was_not_brought_up_where_its_config_points_is_neither_reviewed_nor_repaired(
    two: Two, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    """Its refresh would ask one cluster and we the other, and what is declared there would look undeclared here."""
    monkeypatch.setenv("KUBECONFIG", f"{two.folder / 'environments'}:{two.folder / 'stacks'}")
    two.configure()
    two.configure(is_up=False, **{key: {"kubeconfig": str(two.folder / "stacks"), "context": "its-own"}[key]})
    evidence = collect(Request(program=program(two), without=frozenset({"runners"}), with_preview=False))
    assert evidence.live is None
    assert f"brought up without kubernetes:{key}" in evidence.unread[0]
    stray = {"metadata": {"namespace": "team", "name": "stray"}}
    two.stacks.answers |= {CONFIG_MAPS: {"items": [stray]}, f"{CONFIG_MAPS}/stray": {}}
    assert main(["repair", "dev", "--folder", str(two.folder), "--without", "runners", "--yes"]) == 1
    assert two.asked == (False, False)
    assert "`pulumi up --stack dev`" in capsys.readouterr().out
