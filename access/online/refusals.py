"""What it means that the API server refuses a pod, by its own words. Pure.

The words are those of admission plugins of Kubernetes 1.30 to 1.36.
"""

import re
from typing import Final, NamedTuple

_PLATFORM: Final = "the platform stack must declare this namespace among its environments: run `pulumi up` there"


class Refusal(NamedTuple):
    """What the API server says, what that is called here, and its cause and cure."""

    pattern: re.Pattern[str]
    situation: str
    cause: str
    cure: str


_REFUSALS: Final = tuple(
    Refusal(re.compile(pattern), situation, cause, cure)
    for pattern, situation, cause, cure in (
        (
            "must specify |failed quota", "quota-unspecified",
            "the namespace's quota wants every pod to say what it asks for",
            "bring the pool up with `pulumi up`, which says it; or correct a quota that somebody else made",
        ),
        (
            "serviceaccount .*not found|error looking up service account", "account-missing",
            "the ServiceAccount of its runners is not there", _PLATFORM,
        ),
        (
            "ValidatingAdmissionPolicy", "admission-refused", "an admission policy refuses its pods",
            "`gpu-runners review` shows what differs from what is declared; `pulumi up` of the pool's stack writes "
            "pods that the policies admit",
        ),
        (
            "per (?:Container|Pod) is ", "limit-range", "a LimitRange of the namespace refuses its pods",
            "`kubectl get limitranges --all-namespaces` shows it: widen it, or delete it: admission bounds pods",
        ),
        (
            "violates PodSecurity", "pod-security", "the namespace's Pod Security level refuses its pods",
            "`pulumi up` of the platform stack writes the namespace's labels back, which somebody may have changed",
        ),
        (
            "admission webhook", "webhook-refused", "a webhook of the cluster refuses its pods or does not answer",
            "ask whoever runs that webhook; `kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"
            "` lists them",
        ),
        (
            "(?i)runtimeclass", "runtime-class-missing", "its RuntimeClass is not there",
            "correct `runtimeClassName` of the pool: `kubectl get runtimeclasses` lists them",
        ),
        (
            "(?i)priorityclass", "priority-class-missing", "its PriorityClass is not there",
            "correct `priorityClassName` of the pool: `kubectl get priorityclasses` lists them",
        ),
    )
)  # fmt: skip
_OTHER: Final = Refusal(re.compile(""), "creation-refused", "the API server refuses its pods", _PLATFORM)


def refusal_of(message: str) -> Refusal:
    """The first that the message tells; a quota that is exceeded is none of them."""
    return next((refusal for refusal in _REFUSALS if refusal.pattern.search(message)), _OTHER)
