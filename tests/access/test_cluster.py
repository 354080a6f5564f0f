"""The program looks at the cluster that Pulumi's default provider would choose."""

from pathlib import Path

import pulumi
import pytest

from access.cluster import ClusterAccessError, ClusterChoice, read_choice, read_version

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


def server(text: str, home: Path, context: str = "") -> str:
    found: str = read_choice(ClusterChoice(text, context, home)).cluster.server
    return found


def test_a_named_kubeconfig_is_taken_before_the_one_at_home(tmp_path: Path) -> None:
    kubeconfig(tmp_path / ".kube/config", "home.example.com")
    named = kubeconfig(tmp_path / "named", "named.example.com")
    assert server(str(named), tmp_path) == "https://named.example.com"
    assert server("", tmp_path) == "https://home.example.com"


def test_the_first_of_several_files_that_is_there_is_taken(tmp_path: Path) -> None:
    named = kubeconfig(tmp_path / "named", "named.example.com")
    assert server(f"{tmp_path}/missing:{named}", tmp_path) == "https://named.example.com"


def test_a_kubeconfig_may_be_given_as_its_text(tmp_path: Path) -> None:
    assert server(KUBECONFIG, tmp_path, "second") == "https://second.example.com"


@pytest.mark.parametrize(
    ("text", "context"),
    [("/nowhere", ""), ("", ""), (KUBECONFIG, "third"), ("apiVersion: [", ""), ("apiVersion: v1", "")],
)
def test_no_cluster_is_said_with_the_cure(tmp_path: Path, text: str, context: str) -> None:
    with pytest.raises(ClusterAccessError, match="Set KUBECONFIG"):
        server(text, tmp_path, context)


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    named = kubeconfig(tmp_path / "named", "127.0.0.1:1")
    with pytest.raises(ClusterAccessError, match=r"https://127\.0\.0\.1:1 cannot be used"):
        read_version(ClusterChoice(str(named), "", tmp_path))


def test_the_default_providers_config_is_followed(tmp_path: Path) -> None:
    pulumi.runtime.set_all_config({"kubernetes:context": "second", "kubernetes:kubeconfig": "/a"})
    assert ClusterChoice.of_this_program({"KUBECONFIG": "/b", "HOME": "/h"}) == ClusterChoice(
        "/a", "second", Path("/h")
    )
    pulumi.runtime.set_all_config({})
    assert ClusterChoice.of_this_program({"KUBECONFIG": "/b", "HOME": "/h"}) == ClusterChoice("/b", "", Path("/h"))
