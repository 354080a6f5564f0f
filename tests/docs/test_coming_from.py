"""The pages for those who come from elsewhere: every key that they name is one, and each flag of CML is answered."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from config.credential import SECRET_KEYS
from tests.program.stack_values import ROOT

PAGES = ("from-cml.md", "from-arc.md", "from-yaml.md")
SCHEMA = json.loads((ROOT / "schema/stack.schema.json").read_text())["properties"]["config"]["properties"]
KEY = re.compile(r"`((?:pools\[\]|platform|gpu-runners:)[A-Za-z.\[\]:]*)`")
# Of bin/cml/runner/launch.js and bin/cml.js of CML 0.20, hidden ones included.
FLAGS_OF_CML = [
    "labels",
    "idle-timeout",
    "name",
    "no-retry",
    "single",
    "reuse",
    "reuse-idle",
    "workdir",
    "docker-volumes",
    "cloud",
    "cloud-region",
    "cloud-type",
    "cloud-permission-set",
    "cloud-metadata",
    "cloud-gpu",
    "cloud-hdd-size",
    "cloud-ssh-private",
    "cloud-spot",
    "cloud-spot-price",
    "cloud-startup-script",
    "cloud-aws-security-group",
    "cloud-aws-subnet",
    "cloud-kubernetes-node-selector",
    "cloud-image",
    "tpi-version",
    "cml-version",
    "tf-resource",
    "gcp-access-token",
    "runner-path",
    "destroy-delay",
    "log",
    "driver",
    "repo",
    "driver-token",
    "token",
]

ALIASES_OF_CML = ["path", "tf_resource", "cloud-aws-subnet-id"]
# Of the charts' values.yaml of ARC 0.14, those that stand there as comments included.
VALUES_OF_ARC = {
    "The values": [
        "githubConfigUrl",
        "githubConfigSecret",
        "proxy",
        "maxRunners",
        "minRunners",
        "runnerGroup",
        "runnerScaleSetName",
        "scaleSetLabels",
        "fullnameOverride",
        "githubServerTLS",
        "keyVault",
        "containerMode",
        "listenerTemplate",
        "listenerMetrics",
        "template",
        "controllerServiceAccount",
        "namespaceOverride",
        "annotations",
        "labels",
        "resourceMeta",
    ],
    "value of the controller": [
        "labels",
        "replicaCount",
        "image",
        "imagePullSecrets",
        "nameOverride",
        "fullnameOverride",
        "env",
        "serviceAccount",
        "podAnnotations",
        "podLabels",
        "podSecurityContext",
        "securityContext",
        "resources",
        "nodeSelector",
        "tolerations",
        "affinity",
        "topologySpreadConstraints",
        "volumes",
        "volumeMounts",
        "priorityClassName",
        "metrics",
        "flags",
        "namespaceOverride",
    ],
}


def read(page: str) -> str:
    return (ROOT / "docs" / page).read_text()


def keys(page: str) -> list[str]:
    return sorted(set(KEY.findall(read(page))))


def is_known(key: str) -> bool:
    name, *path = key.removeprefix("gpu-runners:").split(".")
    schema: dict[str, Any] | None = SCHEMA.get(f"gpu-runners:{name.removesuffix('[]')}")
    for part in (name, *path):
        if part != name and schema is not None:
            schema = schema.get("properties", {}).get(part.removesuffix("[]"))
        if schema is not None and part.endswith("[]"):
            schema = schema.get("items")
    return schema is not None


@pytest.mark.parametrize("page", PAGES)
def test_every_key_that_a_page_names_is_one(page: str) -> None:
    assert len(keys(page)) > 10
    assert [key for key in keys(page) if not is_known(key)] == []


def test_a_key_that_is_none_would_be_seen() -> None:
    assert is_known("pools[].gpu.nodeSelector")
    assert [key for key in ("pools[].gpus", "gpu-runners:pol", "platform.scopes", "pools.name") if is_known(key)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_secret_that_a_page_names_is_one(page: str) -> None:
    named = {name for name in re.findall(r"the secret `(\w+)`|or `(\w+Token)`", read(page)) for name in name if name}
    assert named - {"KUBECONFIG"} <= set(SECRET_KEYS)


def test_every_flag_of_cml_is_answered_once() -> None:
    rows = re.findall(r"^\| (`--.*?) \| (.+) \|$", read("from-cml.md"), re.MULTILINE)
    answered = [flag for flags, _ in rows for flag in re.findall(r"`--([a-z_-]+)", flags)]
    assert sorted(answered) == sorted([*FLAGS_OF_CML, *ALIASES_OF_CML])
    assert all(answer.strip() for _, answer in rows)


@pytest.mark.parametrize("table", VALUES_OF_ARC)
def test_every_value_of_arcs_charts_is_answered(table: str) -> None:
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", read("from-arc.md").partition(table)[2].partition("\n\n##")[0], re.M)
    if table == "The values":
        rows = rows[: [left for left, _ in rows].index("value of the controller")]
    answered = {name for left, _ in rows for name in re.findall(r"`([A-Za-z]+)", left)}
    assert set(VALUES_OF_ARC[table]) - answered == set()
    assert all(right.strip() for _, right in rows)


def workflows() -> Iterator[tuple[str, dict[str, Any]]]:
    for page in PAGES:
        for text in re.findall(r"^```yaml\n(.*?)^```", read(page), re.MULTILINE | re.DOTALL):
            yield page, yaml.safe_load(text)


def test_each_page_shows_the_workflow_before_and_after() -> None:
    shown = [page for page, workflow in workflows() if workflow["jobs"]]
    assert set(shown) == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_each_workflow_of_afterwards_comes_with_the_labels_that_its_pool_needs(page: str) -> None:
    """A just-in-time runner has no label by itself: without one of these a job would wait for a day."""
    shown = re.findall(r"^```yaml\n(# [^\n]*\bafter\b[^\n]*)\n(.*?)^```", read(page), re.MULTILINE | re.DOTALL)
    assert shown
    for comment, text in shown:
        labels = yaml.safe_load(comment.partition("labels: ")[2] or "[]")
        for job in yaml.safe_load(text)["jobs"].values():
            asked = job["runs-on"]
            assert labels == ([asked] if isinstance(asked, str) else asked)


@pytest.mark.parametrize("page", PAGES)
def test_each_page_says_what_gets_better_and_what_is_different(page: str) -> None:
    different = read(page).partition("\n## What is different\n")[2]
    assert "\n## What gets better\n" in read(page)
    for word in ("uid 1001", "sudo", "Docker"):
        assert word in different


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_links_exists(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", read(page))
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
