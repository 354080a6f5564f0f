"""A state that somebody else wrote into is noticed, whatever they wrote; the program's own passes as it is."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpu_runners.state import allow_list
from gpu_runners.state.allow_list import SECRET, SIGNATURE
from gpu_runners.state.check import Expectation, check_state
from gpu_runners.state.expectation import expectation

RECORDED = Path(__file__).parents[1] / "review" / "core" / "data" / "clean.json"
EXPECTED = Expectation(stack="review")
EXEC_KUBECONFIG = json.dumps({
    "apiVersion": "v1",
    "users": [{"name": "x", "user": {"exec": {"command": "sh", "args": ["-c", "id"]}}}],
})  # fmt: skip
Document = dict[str, Any]


def recorded() -> Document:
    """A state as Pulumi exports it; its resources were recorded on the lab."""
    resources = json.loads(RECORDED.read_text())["state"]
    manifest = {"time": "2026-11-24T09:58:05Z", "magic": "x", "version": "v3.259.0"}
    provider = {"type": "passphrase", "state": {"salt": "v1:x:v1:y:z"}}
    deployment = {"manifest": manifest, "secrets_providers": provider, "resources": resources, "metadata": {}}
    return {"version": 3, "deployment": deployment}


def problems(document: Any, expected: Expectation = EXPECTED) -> list[str]:
    return [str(problem) for problem in check_state(json.dumps(document), expected)]


def resource(document: Document, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in document["deployment"]["resources"] if r["type"].endswith(kind))
    return found


def test_the_programs_own_state_passes() -> None:
    assert problems(recorded()) == []


def test_a_stack_that_was_never_brought_up_passes() -> None:
    assert problems({"version": 3, "deployment": None}) == []
    assert problems({"version": 3, "deployment": {"manifest": {}, "secrets_providers": None}}) == []


def test_an_exec_plugin_in_a_provider_is_named_and_its_kubeconfig_is_not_printed() -> None:
    document = recorded()
    resource(document, "providers:kubernetes")["inputs"]["kubeconfig"] = EXEC_KUBECONFIG
    (text,) = problems(document)
    assert "inputs.kubeconfig" in text
    assert "sh" not in text.split("cure")[0].split("kubeconfig", 1)[1].split("allowed")[0]
    assert "nothing was run" in text


def test_a_kubeconfig_passes_only_as_the_stacks_own_config_has_it() -> None:
    document = recorded()
    resource(document, "providers:kubernetes")["inputs"]["kubeconfig"] = "/etc/kubeconfig"
    assert problems(document, Expectation(stack="review", kubernetes={"kubeconfig": "/etc/kubeconfig"})) == []
    assert problems(document, Expectation(stack="review", kubernetes={"kubeconfig": "/etc/other"})) != []
    assert problems(document, Expectation(stack="review", kubernetes={"context": "/etc/kubeconfig"})) != []


def test_a_secret_kubeconfig_passes_as_a_ciphertext_alone() -> None:
    expected = Expectation(stack="review", kubernetes={"kubeconfig": None})
    document = recorded()
    resource(document, "providers:kubernetes")["inputs"]["kubeconfig"] = {SIGNATURE: SECRET, "ciphertext": "v1:a:b"}
    assert problems(document, expected) == []
    resource(document, "providers:kubernetes")["inputs"]["kubeconfig"] = EXEC_KUBECONFIG
    assert problems(document, expected) != []


def test_a_secret_in_plain_text_is_refused_wherever_it_hides() -> None:
    """Pulumi reads one like a ciphertext, and anybody can write it: Go's `refresh` ran such a kubeconfig's command."""
    plain = {SIGNATURE: SECRET, "plaintext": json.dumps(EXEC_KUBECONFIG)}
    for value in (plain, {**plain, "ciphertext": "v1:a:b"}, {SIGNATURE: SECRET}, {SIGNATURE: SECRET, "ciphertext": {}}):
        document = recorded()
        resource(document, "providers:kubernetes")["inputs"]["kubeconfig"] = value
        assert problems(document, Expectation(stack="review", kubernetes={"kubeconfig": None})) != []
        hidden = recorded()
        resource(hidden, ":ConfigMap")["inputs"]["metadata"] = value
        assert any("a secret in plain text" in text for text in problems(hidden))


@pytest.mark.parametrize(
    "values",
    [
        {"pluginDownloadURL": "https://attacker.example"},
        {"__internal": {"pluginDownloadURL": "https://attacker.example"}},
        {"__internal": {"parameterization": {"name": "x"}}},
        {"version": "4.25.0; id"},
        {"version": "\u0664.\u0662.\u0665"},
        {"version": 4},
        {"renderYamlToDirectory": "x"},
        {"helmReleaseSettings": "{}"},
        {"clusterIdentifier": "x"},
        {"context": "other"},
        {"kubeconfig": None},
    ],
)
def test_nothing_else_is_an_input_of_the_default_provider(values: dict[str, Any]) -> None:
    for half in ("inputs", "outputs"):
        document = recorded()
        resource(document, "providers:kubernetes")[half] |= values
        assert problems(document) != [], half


@pytest.mark.parametrize(
    "kind",
    [
        "pulumi-python:dynamic:Resource",
        "pulumi:pulumi:StackReference",
        "pulumi:providers:command",
        "command:local:Command",
        "kubernetes:core/v1:Pod",
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
        "kubernetes:helm.sh/v3:Release",
        "kubernetes:apps/v1:DeploymentPatch",
        "kubernetes:core/v1:ConfigMapList",
        "gpu-runners:index:Other",
    ],
)
def test_a_resource_of_another_kind_is_named(kind: str) -> None:
    document = recorded()
    deployment = copy.deepcopy(resource(document, "apps/v1:Deployment"))
    deployment["type"] = kind
    deployment["urn"] = f"urn:pulumi:review::gpu-runners::{kind}::x"
    document["deployment"]["resources"].append(deployment)
    assert any(kind in text for text in problems(document))


@pytest.mark.parametrize(
    "kind",
    sorted((allow_list.KUBERNETES_TYPES | allow_list.COMPONENTS | allow_list.GITHUB_TYPES) - allow_list.POOLS_TYPES),
)
def test_a_stack_of_pools_holds_nothing_of_a_platform(kind: str) -> None:
    """An environment's deployer writes its state, and an administrator's next command would take such things away."""
    document = recorded()
    foreign = copy.deepcopy(resource(document, "apps/v1:Deployment"))
    foreign |= {"type": kind, "urn": f"urn:pulumi:review::gpu-runners::{kind}::x", "delete": True}
    document["deployment"]["resources"].append(foreign)
    assert any(f"the type {kind}" in text and "no platform" in text for text in problems(document))
    assert not any("no platform" in text for text in problems(document, Expectation(stack="review", platform=True)))


def test_a_pending_operation_is_read_as_a_resource_is() -> None:
    document = recorded()
    urn = "urn:pulumi:review::gpu-runners::command:local:Command::x"
    operation = {"type": "creating", "resource": {"urn": urn, "type": "command:local:Command", "custom": True}}
    document["deployment"]["pending_operations"] = [operation]
    assert any("command:local:Command" in text for text in problems(document))
    document["deployment"]["pending_operations"] = [{"type": "running", "resource": operation["resource"]}]
    assert problems(document) != []


@pytest.mark.parametrize("key", ["external", "importID", "viewOf", "anythingNew"])
def test_a_field_that_the_program_never_makes_is_named(key: str) -> None:
    document = recorded()
    resource(document, "apps/v1:Deployment")[key] = True
    assert any(f"the field {key}" in text for text in problems(document))


def test_a_resource_uses_a_provider_of_this_state_and_of_its_own_kind() -> None:
    document = recorded()
    for reference in ("", "urn:pulumi:review::gpu-runners::pulumi:providers:kubernetes::default::x", None, 3):
        resource(document, "apps/v1:Deployment")["provider"] = reference
        assert problems(document) != [], reference


def test_another_stacks_or_projects_urn_is_named() -> None:
    for urn in (
        "urn:pulumi:other::gpu-runners::kubernetes:apps/v1:Deployment::x",
        "urn:pulumi:review::other::kubernetes:apps/v1:Deployment::x",
        "urn:pulumi:review::gpu-runners::kubernetes:core/v1:ConfigMap::x",
    ):
        document = recorded()
        resource(document, "apps/v1:Deployment")["urn"] = urn
        assert problems(document) != [], urn


@pytest.mark.parametrize("name", ["../../../apis/x", "a/b", "", "A", "x" * 300, "a\nb", 3, None])
def test_an_objects_name_is_one_that_kubernetes_accepts(name: object) -> None:
    for half in ("inputs", "outputs"):
        for key in ("name", "namespace"):
            document = recorded()
            resource(document, "apps/v1:Deployment")[half]["metadata"][key] = name
            assert problems(document) != [], (half, key)


def test_an_object_is_of_the_kind_that_its_type_says() -> None:
    document = recorded()
    resource(document, "apps/v1:Deployment")["outputs"]["kind"] = "Secret"
    assert any("outputs.kind Secret" in text for text in problems(document))


@pytest.mark.parametrize(
    "provider",
    [
        {"type": "cloud", "state": {"url": "hashivault://attacker.example/key"}},
        {"type": "service", "state": {"url": "https://attacker.example"}},
        {"type": "passphrase", "state": {"salt": "x", "url": "https://attacker.example"}},
        {"type": "passphrase", "state": ["x"]},
        {"type": None},
        [],
        "passphrase",
    ],
)
def test_secrets_are_opened_by_nobody_but_whom_the_stack_file_names(provider: object) -> None:
    document = recorded()
    document["deployment"]["secrets_providers"] = provider
    assert problems(document) != []


def test_the_key_service_of_the_stack_file_passes() -> None:
    document = recorded()
    document["deployment"]["secrets_providers"] = {"type": "cloud", "state": {"url": "awskms://alias/x"}}
    assert problems(document, Expectation(stack="review", secrets_provider="awskms://alias/x")) == []
    assert problems(document, Expectation(stack="review", secrets_provider="awskms://alias/y")) != []


def test_github_is_asked_where_the_stacks_scope_says_and_nowhere_else() -> None:
    urn = "urn:pulumi:review::gpu-runners::pulumi:providers:github::github-mlops"
    inputs = {
        "owner": "mlops",
        "baseUrl": "https://api.github.com/",
        "token": "x",
        "writeDelayMs": "0",
        "version": "6.15.0",
    }
    document = recorded()
    document["deployment"]["resources"].append(
        {"urn": urn, "type": "pulumi:providers:github", "custom": True, "id": "1", "inputs": inputs, "outputs": inputs}
    )
    assert problems(document, Expectation(stack="review", platform=True, github_api="https://api.github.com")) == []
    for github_api in ("", "https://ghe.example/api/v3"):
        expected = Expectation(stack="review", platform=True, github_api=github_api)
        assert any("baseUrl" in text for text in problems(document, expected))


@pytest.mark.parametrize("place", [("manifest", "plugins"), ("resources", 3, "type"), ("resources", 3, "provider")])
@pytest.mark.parametrize("value", [[[]], {"x": []}, 5, [{"name": []}]])
def test_a_value_of_another_kind_is_a_problem_and_no_traceback(place: tuple[Any, ...], value: Any) -> None:
    document = recorded()
    holder = document["deployment"]
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    assert problems(document) != []


def test_an_asset_is_refused_wherever_it_hides() -> None:
    document = recorded()
    asset = {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "path": "/etc/passwd"}
    resource(document, "ConfigMap")["inputs"]["data"] = {"x": [{"y": asset}]}
    assert any("an asset, a reference" in text for text in problems(document))


@pytest.mark.parametrize(
    "text",
    ["", "no", "[]", "{}", '{"version": 3, "deployment": []}', "[" * 100_000, '{"version": NaN}', "\ud800", "9" * 5000],
)
def test_any_other_text_is_one_problem_and_no_traceback(text: str) -> None:
    assert check_state(text, EXPECTED)


def test_what_a_stranger_wrote_is_told_in_one_printable_line_and_not_without_end() -> None:
    document = recorded()
    document["deployment"]["resources"] += [
        {"urn": "a\n\x1b[31m" + "x" * 9999, "type": "y", "id": n} for n in range(999)
    ]
    texts = problems(document)
    assert 0 < len(texts) <= 20
    assert all(text.isprintable() and len(text) < 1500 for text in texts)


POOL = "kubernetes:apps/v1:Deployment"


def moved(namespace: str | None, name: str | None = None, *, also_id: bool = True) -> Document:
    """The state with its pool's Deployment said to be elsewhere."""
    document = recorded()
    deployment = resource(document, POOL)
    for half in ("inputs", "outputs"):
        metadata = deployment[half]["metadata"]
        if namespace is None:
            del metadata["namespace"]
        else:
            metadata["namespace"] = namespace
        metadata["name"] = name or metadata["name"]
    if also_id:
        deployment["id"] = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
    return document


OWN = str(resource(recorded(), POOL)["inputs"]["metadata"]["namespace"])


@pytest.mark.parametrize("namespace", ["kube-system", "default", "team-b", "gpu-runners-system", None])
def test_a_stack_of_pools_holds_nothing_of_another_namespace(namespace: str | None) -> None:
    """Whoever may do more would delete it with their next `up`."""
    expected = Expectation(stack="review", namespaces=frozenset({OWN}))
    assert problems(recorded(), expected) == []
    (text,) = problems(moved(namespace), expected)
    assert f"an object in the namespace {namespace or 'by default'}" in text
    assert OWN in text


@pytest.mark.parametrize("namespace", ["kube-system", "default", "kube-public", None])
def test_nor_of_the_clusters_own_ones_though_its_config_names_none(namespace: str | None) -> None:
    assert problems(moved("team-b")) == []
    assert any("an object in the namespace" in text for text in problems(moved(namespace)))


@pytest.mark.parametrize("number", ["kube-system/coredns", "coredns", f"{OWN}/other", f"{OWN}/", 5, ["x"]])
@pytest.mark.parametrize("platform", [True, False])
def test_an_object_is_deleted_where_its_metadata_is_and_nowhere_else(number: Any, platform: bool) -> None:
    document = recorded()
    resource(document, POOL)["id"] = number
    assert any("the id" in text for text in problems(document, Expectation(stack="review", platform=platform)))


def test_a_stack_of_pools_holds_no_config_map_but_its_list_of_pools() -> None:
    document = recorded()
    listed = resource(document, ":ConfigMap")
    for half in ("inputs", "outputs"):
        listed[half]["metadata"]["name"] = "registrar"
    listed["id"] = f"{OWN}/registrar"
    assert any("the ConfigMap registrar" in text for text in problems(document))


def test_the_namespaces_of_pools_are_those_of_the_stacks_config() -> None:
    config = {
        "gpu-runners:namespace": {"value": "usual"},
        "gpu-runners:pools": {"objectValue": [{"name": "a"}, {"name": "b", "namespace": "own"}, 5, {"namespace": 5}]},
    }
    assert expectation("dev", config, "").namespaces == {"usual", "own"}
    assert expectation("dev", {"gpu-runners:pools": {"value": "[]"}}, "").namespaces == frozenset()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in _places(item, (*path, key)))]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), value=_JSON)
def test_whatever_stands_anywhere_in_a_state_the_check_ends_with_a_verdict(data: st.DataObject, value: Any) -> None:
    document = recorded()
    *parents, last = data.draw(st.sampled_from([place for place in _places(document) if place]))
    holder: Any = document
    for key in parents:
        holder = holder[key]
    holder[last] = value
    assert isinstance(check_state(json.dumps(document), EXPECTED), tuple)


def test_the_stacks_config_says_at_which_github_and_on_which_cluster_it_is() -> None:
    config = {
        "gpu-runners:forge": {"value": "github"},
        "gpu-runners:platform": {"objectValue": {"scope": "https://ghe.example/mlops"}},
        "kubernetes:context": {"value": "prod"},
        "kubernetes:kubeconfig": {"secret": True},
    }
    expected = expectation("acme/gpu-runners/review", config, "")
    assert (expected.stack, expected.platform) == ("review", True)
    assert expected.github_api == "https://ghe.example/api/v3"
    assert expected.kubernetes == {"context": "prod", "kubeconfig": None}
    for forge in ({"value": "gitea"}, {}):
        assert expectation("review", config | {"gpu-runners:forge": forge}, "").github_api == ""
