"""Two states of an object differ where its API says so, and nowhere else."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_runners.review.core.comparison import differences, kind_in_table
from gpu_runners.review.core.evidence import SECRET_KEY
from gpu_runners.review.core.field_path import show
from gpu_runners.review.core.quantity import quantity

Json = dict[str, Any]
CONTAINER: Json = {
    "name": "runner",
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "ports": [{"containerPort": 80}, {"containerPort": 81}],
    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
    "command": ["sh", "-c"],
}
POD: Json = {
    "containers": [CONTAINER, {"name": "second"}],
    "tolerations": [{"key": "a"}, {"key": "b"}],
    "terminationGracePeriodSeconds": 300,
}


def changed(**fields: Any) -> Json:
    return POD | fields


def container(**fields: Any) -> Json:
    return changed(containers=[CONTAINER | fields, {"name": "second"}])


@pytest.mark.parametrize(
    "after",
    [
        POD,
        changed(containers=[{"name": "second"}, CONTAINER]),
        container(env=CONTAINER["env"][::-1]),
        container(resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}}),
        container(resources={"limits": {"cpu": 1, "memory": "1073741824"}}),
        container(ports=[{"containerPort": 81, "protocol": "TCP"}, {"containerPort": 80}]),
        container(terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File"),
        container(livenessProbe=None),
        changed(dnsPolicy="ClusterFirst", schedulerName="default-scheduler", securityContext={}),
        changed(serviceAccount="an alias"),
        changed(hostNetwork=False),
        changed(terminationGracePeriodSeconds=300.0),
    ],
)
def test_other_words_for_the_same_are_no_difference(after: Json) -> None:
    assert list(differences("PodSpec", POD, after)) == []
    assert list(differences("PodSpec", after, POD)) == []


@pytest.mark.parametrize(
    ("after", "field"),
    [
        (changed(hostNetwork=True), "hostNetwork"),
        (changed(tolerations=POD["tolerations"][::-1]), "tolerations"),
        (changed(tolerations=[*POD["tolerations"], {"operator": "Exists"}]), "tolerations"),
        (changed(dnsPolicy="Default"), "dnsPolicy"),
        (changed(securityContext={"runAsUser": 0}), "securityContext"),
        (changed(terminationGracePeriodSeconds=30), "terminationGracePeriodSeconds"),
        (changed(terminationGracePeriodSeconds="300"), "terminationGracePeriodSeconds"),
        (changed(nodeSelector={"a": "b"}), "nodeSelector.a"),
        (changed(aFieldOfTomorrow=1), "aFieldOfTomorrow"),
        (changed(containers=[CONTAINER]), "containers[second]"),
        (changed(containers=[*POD["containers"], {"name": "third"}]), "containers[third]"),
        (changed(containers=[*POD["containers"], CONTAINER | {"image": "x"}]), "containers"),
        (changed(containers=[*POD["containers"], "text"]), "containers"),
        (changed(containers={"runner": {}}), "containers"),
        (container(env=[*CONTAINER["env"], {"name": "A", "value": "3"}]), "containers[runner].env"),
        (container(env=[{"name": "A", "value": "9"}, CONTAINER["env"][1]]), "containers[runner].env[A].value"),
        (container(command=["-c", "sh"]), "containers[runner].command"),
        (
            container(resources={"limits": {"cpu": "1001m", "memory": "1Gi"}}),
            "containers[runner].resources.limits.cpu",
        ),
        (container(ports=[*CONTAINER["ports"], {"containerPort": 80, "protocol": "UDP"}]),
         "containers[runner].ports[80,UDP]"),
    ],
)  # fmt: skip
def test_what_differs_is_named_by_its_keys(after: Json, field: str) -> None:
    assert [show(difference.path) for difference in differences("PodSpec", POD, after)] == [field]


def test_a_ciphertext_of_the_state_differs_only_where_it_is_gone() -> None:
    sealed = {"data": {SECRET_KEY: "1b47", "ciphertext": "v1:x"}}
    assert list(differences("ConfigMap", sealed, {"data": {"any": "thing"}})) == []
    assert [show(difference.path) for difference in differences("ConfigMap", sealed, {})] == ["data"]


def test_of_a_kind_that_nobody_wrote_down_a_list_is_one_value() -> None:
    before = {"spec": {"triggers": [{"type": "a"}, {"type": "b"}], "minReplicaCount": 1}}
    after = copy.deepcopy(before)
    after["spec"]["triggers"].reverse()  # type: ignore[attr-defined]
    assert kind_in_table("keda.sh/v1alpha1", "ScaledObject") == "?"
    assert [show(difference.path) for difference in differences("?", before, after)] == ["spec.triggers"]


def test_a_kind_of_another_group_is_not_taken_for_ours() -> None:
    assert kind_in_table("v1", "Service") == "Service"
    assert kind_in_table("serving.knative.dev/v1", "Service") == "?"


@pytest.mark.parametrize(
    ("one", "other"),
    [("1000m", "1"), ("1", 1), ("1k", "1000"), ("1Ki", "1024"), ("0.5", "500m"), ("1e3", "1k"), ("1.5Gi", "1536Mi"),
     ("2E", "2e18"), ("100n", "0.1u")],
)  # fmt: skip
def test_quantities_are_numbers(one: object, other: object) -> None:
    assert quantity(one) == quantity(other) is not None


@pytest.mark.parametrize("text", ["", "1x", "m", "1 Gi", "--1", "1e999", None, True, [], {}, "9" * 100])
def test_what_is_no_quantity_is_none(text: object) -> None:
    assert quantity(text) is None


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["containers", "name", "env", "limits", "x"]), inner, max_size=4)
    ),
)


@given(TREES, TREES)
def test_whatever_somebody_wrote_is_compared_without_an_error(before: Any, after: Any) -> None:
    list(differences("PodSpec", before, after))
    assert list(differences("PodSpec", before, copy.deepcopy(before))) == []


@pytest.mark.parametrize(("after", "differs"), [(1.0, False), (2, True), (True, True), ("1", True)])
def test_numbers_are_the_same_whether_they_are_written_with_a_point_or_not(after: object, differs: bool) -> None:
    before = {"priority": 1, "hostPID": False}
    found = differences("PodSpec", before, {"priority": after, "hostPID": True}, lambda _: False)
    assert [show(it.path) for it in found] == (["hostPID", "priority"] if differs else ["hostPID"])
