"""What a preview shows of the pools, and what a refusal of the API server means."""

from typing import Any

import pytest

from gpu_runners.doctor.core.findings import State
from gpu_runners.doctor.core.trial import admitted, not_previewed, pod_of, refused, templates

TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}}
STEPS = [
    {"op": "same", "newState": {"type": "pulumi:pulumi:Stack"}},
    {
        "op": "create",
        "newState": {
            "type": "kubernetes:apps/v1:Deployment",
            "inputs": {"metadata": {"name": "cuda", "namespace": "dev"}, "spec": {"template": TEMPLATE}},
        },
    },
    {"op": "delete", "oldState": {"type": "kubernetes:apps/v1:Deployment"}},
]


def test_the_pods_are_those_that_the_program_would_write() -> None:
    assert templates({"steps": STEPS}) == {("dev", "cuda"): TEMPLATE}
    assert templates({}) == {}


def test_a_pod_is_made_of_a_template_as_its_controller_would() -> None:
    pod = pod_of(TEMPLATE, "cuda")
    assert pod["metadata"] == {"labels": {"a": "b"}, "generateName": "cuda-"}
    assert (pod["kind"], pod["spec"]) == ("Pod", TEMPLATE["spec"])
    assert "generateName" not in TEMPLATE["metadata"]


@pytest.mark.parametrize(
    ("words", "is_up", "state", "cure"),
    [
        (
            "exceeded quota: gpus, requested: pods=1, used: pods=2, limited: pods=2",
            False,
            State.FAILED,
            "raise the quota",
        ),
        ("exceeded quota: gpus, requested: pods=1, used: pods=2, limited: pods=2", True, State.UNKNOWN, "raise the"),
        ("maximum memory usage per Container is 1Gi, but limit is 8Gi", False, State.FAILED, "get limitranges"),
        ("refused in a namespace of runners: spec.x: found y, allowed z", False, State.FAILED, "injector"),
        (
            "refused in a namespace of runners: metadata.annotations.kubernetes.io/limit-ranger: found a field",
            False,
            State.FAILED,
            "get limitranges",
        ),
        (
            'pods "" is forbidden: pod rejected: RuntimeClass "kata" not found',
            False,
            State.FAILED,
            "`runtimeClassName`",
        ),
        ("no PriorityClass with name high was found", False, State.FAILED, "`priorityClassName`"),
        ('admission webhook "policy.example.com" denied the request', True, State.FAILED, "webhook"),
    ],
)
def test_a_refusal_is_told_in_the_api_servers_words_with_what_cures_it(
    words: str, is_up: bool, state: State, cure: str
) -> None:
    finding = refused("cuda", "dev", words, is_up=is_up, declared=False)
    assert finding.state is state
    assert words in finding.found
    assert cure in finding.cure


def test_a_namespace_without_its_account_is_one_that_is_not_up_yet() -> None:
    words = 'error looking up service account dev/runner: serviceaccount "runner" not found'
    assert refused("cuda", "dev", words, is_up=False, declared=True).state is State.OK
    other = refused("cuda", "dev", words, is_up=False, declared=False)
    assert (other.state, "bring up the stack whose platform" in other.cure) == (State.FAILED, True)


def test_what_the_preview_itself_is_refused_is_told_as_a_refusal() -> None:
    refusal = "refused in a namespace of runners: spec.containers[runner].image: found elsewhere/cuda:12, allowed lab/"
    finding = not_previewed(f"error: update failed: denied request: {refusal}")
    assert (finding.state, finding.found) == (State.FAILED, refusal)
    assert not_previewed("error: no such host").state is State.UNKNOWN


def test_what_is_admitted_is_well() -> None:
    assert admitted("cuda", "dev").state is State.OK
