"""The program looks at the cluster that Pulumi's default provider would choose."""

import os
import pwd
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pulumi
import pytest
import yaml
from lightkube.config.kubeconfig import SingleConfig

from access.cluster.choice import ClusterChoice
from access.cluster.errors import ClusterChoiceError, ClusterUnreachableError
from access.cluster.kubeconfig import read_kubeconfig
from access.cluster.program_choice import choice_of_this_program
from access.cluster.version import read_version

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: first
clusters:
- {name: a, cluster: {server: "https://SERVER"}}
- {name: b, cluster: {server: "https://second.example.com"}}
contexts:
- {name: first, context: {cluster: a, user: u}}
- {name: second, context: {cluster: b, user: u}}
users:
- {name: u, user: {token: t}}
"""


def kubeconfig(path: Path, server: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(KUBECONFIG.replace("SERVER", server))
    return path


def only(path: Path, current: str = "", **lists: Mapping[str, object]) -> Path:
    """A kubeconfig that holds these entries and no more."""
    holds = {"clusters": "cluster", "contexts": "context", "users": "user"}
    document: dict[str, object] = {
        name: [{"name": key, holds[name]: value} for key, value in entries.items()] for name, entries in lists.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document | ({"current-context": current} if current else {})))
    return path


def chosen(files: str, home: Path = Path("/nowhere"), **provider: str) -> SingleConfig:
    return read_kubeconfig(ClusterChoice.of_stack(provider, {"KUBECONFIG": files, "HOME": str(home)}))


def server(files: str, home: Path = Path("/nowhere"), **provider: str) -> str:
    found: str = chosen(files, home, **provider).cluster.server
    return found


def test_a_named_kubeconfig_is_taken_before_the_one_at_home(tmp_path: Path) -> None:
    kubeconfig(tmp_path / ".kube/config", "home.example.com")
    named = kubeconfig(tmp_path / "named", "named.example.com")
    assert server(str(named), tmp_path) == "https://named.example.com"
    assert server("", tmp_path) == "https://home.example.com"


def test_the_stacks_kubeconfig_is_taken_before_the_environments(tmp_path: Path) -> None:
    stacks = kubeconfig(tmp_path / "stacks", "stacks.example.com")
    named = kubeconfig(tmp_path / "named", "named.example.com")
    assert server(str(named), kubeconfig=str(stacks)) == "https://stacks.example.com"


def test_a_tilde_in_the_stacks_kubeconfig_is_the_accounts_folder_and_not_home(tmp_path: Path) -> None:
    """As Pulumi's provider has it: in a job's container HOME is another folder, where another cluster may be named."""
    kubeconfig(tmp_path / "account/stacks", "stacks.example.com")
    kubeconfig(tmp_path / "stacks", "another.example.com")
    choice = ClusterChoice.of_stack({"kubeconfig": "~/stacks"}, {"HOME": str(tmp_path)})
    assert choice.account_home == Path(pwd.getpwuid(os.getuid()).pw_dir)
    of_account = read_kubeconfig(replace(choice, account_home=tmp_path / "account"))
    assert of_account.cluster.server == "https://stacks.example.com"
    with pytest.raises(ClusterChoiceError, match="neither a file nor the text"):
        read_kubeconfig(replace(choice, account_home=None))


def test_the_first_of_several_files_that_is_there_is_taken(tmp_path: Path) -> None:
    named = kubeconfig(tmp_path / "named", "named.example.com")
    assert server(f"{tmp_path}/missing:{named}", tmp_path) == "https://named.example.com"


def test_several_files_are_one_and_the_first_word_on_each_thing_counts(tmp_path: Path) -> None:
    """As kubectl merges them: cluster, user and context may stand in three files."""
    context = only(tmp_path / "1", current="team", contexts={"team": {"cluster": "gpus", "user": "me"}})
    cluster = only(tmp_path / "2", current="other", clusters={"gpus": {"server": "https://gpus"}})
    late = only(tmp_path / "3", clusters={"gpus": {"server": "https://late"}}, users={"me": {"token": "t"}})
    config = chosen(f"{context}:{cluster}:{late}")
    assert (config.context_name, config.cluster.server, config.user and config.user.token) == (
        "team",
        "https://gpus",
        "t",
    )


def test_paths_are_those_of_the_file_that_names_them(tmp_path: Path) -> None:
    context = only(tmp_path / "a/config", current="c", contexts={"c": {"cluster": "c", "user": "u"}})
    users = {"u": {"tokenFile": "token", "exec": {"apiVersion": "v", "command": "./bin/login"}}}
    cluster = {"server": "https://c", "certificate-authority": "ca.crt"}
    rest = only(tmp_path / "b/config", clusters={"c": cluster}, users=users)
    config = chosen(f"{context}:{rest}")
    assert config.cluster.certificate_auth == str(tmp_path / "b/ca.crt")
    assert config.user is not None
    assert config.user.exec is not None
    assert config.user.token_file == str(tmp_path / "b/token")
    assert Path(config.user.exec.command) == tmp_path / "b/bin/login"


def test_relative_paths_are_those_of_the_programs_folder(tmp_path: Path) -> None:
    kubeconfig(tmp_path / "named", "named.example.com")
    choice = ClusterChoice.of_stack({"kubeconfig": "./named"}, {}, tmp_path)
    assert read_kubeconfig(choice).cluster.server == "https://named.example.com"


def test_a_kubeconfig_may_be_given_as_its_text() -> None:
    assert server("", kubeconfig=KUBECONFIG, context="second") == "https://second.example.com"


def test_a_stack_may_name_the_cluster_itself() -> None:
    assert server("", kubeconfig=KUBECONFIG, cluster="b") == "https://second.example.com"
    with pytest.raises(ClusterChoiceError, match=r"kubernetes:cluster names c.*has the clusters a, b"):
        server("", kubeconfig=KUBECONFIG, cluster="c")


@pytest.mark.parametrize(
    ("provider", "cure"),
    [
        ({}, "Set KUBECONFIG to a kubeconfig file, or run on a base runner"),
        ({"kubeconfig": "/nowhere"}, "neither a file nor the text of a kubeconfig. Correct kubernetes:kubeconfig"),
        ({"kubeconfig": KUBECONFIG, "context": "third"}, "Set kubernetes:context to one of first, second"),
        ({"kubeconfig": KUBECONFIG.replace("current-context: first", "")}, "Set kubernetes:context to one of first"),
        ({"kubeconfig": KUBECONFIG.replace("cluster: a,", "cluster: z,")}, "names z, .*the clusters a, b"),
        ({"kubeconfig": KUBECONFIG.replace("user: u}", "user: z}")}, "names the user z. .*the users u"),
        ({"kubeconfig": "apiVersion: ["}, "Correct kubernetes:kubeconfig"),
        ({"kubeconfig": "apiVersion: v1"}, "Set kubernetes:context"),
        ({"kubeconfig": "clusters: 5"}, "clusters is no list of mappings"),
        ({"kubeconfig": "users: [{name: u, user: {token: [1]}}]"}, "Correct kubernetes:kubeconfig"),
        ({"kubeconfig": "x" * 5000}, "Correct kubernetes:kubeconfig"),
    ],
)
def test_no_cluster_is_said_with_the_cure(tmp_path: Path, provider: dict[str, str], cure: str) -> None:
    with pytest.raises(ClusterChoiceError, match=cure):
        server("", tmp_path, **provider)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterChoiceError, match=r"/nowhere \(KUBECONFIG\) is not there.*Set KUBECONFIG"):
        server("/nowhere", tmp_path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"users:\n- name: u\n  user: {token: hunter2-hunter2", "is no kubeconfig: line 3, column"),
        (b"\xff\xfe\x00", "is no kubeconfig: no text in UTF-8"),
        (b"- a", "is no kubeconfig"),
        (b"", r"\(KUBECONFIG\) names none"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_named_and_nothing_of_it_repeated(
    tmp_path: Path, content: bytes, why: str
) -> None:
    file = tmp_path / "named"
    file.write_bytes(content)
    with pytest.raises(ClusterChoiceError, match=f"no Kubernetes cluster: {file} {why}") as refused:
        server(str(file), tmp_path)
    assert "hunter2" not in str(refused.value)


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    named = kubeconfig(tmp_path / "named", "127.0.0.1:1")
    with pytest.raises(ClusterUnreachableError, match=r"https://127\.0\.0\.1:1 cannot be used"):
        read_version(ClusterChoice(files=str(named)))


def test_the_default_providers_config_is_followed() -> None:
    pulumi.runtime.set_all_config({"kubernetes:context": "second", "kubernetes:kubeconfig": "/a"})
    choice = choice_of_this_program({"KUBECONFIG": "/b", "HOME": "/h"})
    assert replace(choice, account_home=None) == ClusterChoice("/a", "second", "", "/b", Path("/h"))
    pulumi.runtime.set_all_config({})
    choice = choice_of_this_program({"KUBECONFIG": "/b", "HOME": "/h"})
    assert replace(choice, account_home=None) == ClusterChoice("", "", "", "/b", Path("/h"))
