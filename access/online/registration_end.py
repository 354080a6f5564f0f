"""What it means that a pod's registration ended without one: the registrar refused it, was not reached, or neither.

By the last words of the registration's container (runner_scripts/register.sh) or, of one that died otherwise, the end
of its log. Pure.
"""

import re
from typing import Final, NamedTuple

_PLATFORM: Final = "the platform stack must declare this namespace among its environments: run `pulumi up` there"
_REFUSED: Final = "registration refused ("  # as register.sh says it


class RegistrationEnd(NamedTuple):
    """Its words or, of a process that said none, how it ended; what that is called here, its cause and its cure."""

    pattern: re.Pattern[str]
    situation: str
    cause: str
    cure: str


def _table(*rows: tuple[str, str, str, str]) -> tuple[RegistrationEnd, ...]:
    return tuple(RegistrationEnd(re.compile(pattern), *rest) for pattern, *rest in rows)


_REFUSALS: Final = _table(
    (
        "NamespaceNotGranted|has no grant|is not granted", "namespace-not-granted",
        "the platform grants its namespace no scope of the forge", _PLATFORM,
    ),
    (
        "LabelsNotGranted|labels? .*not (?:granted|allow)|grant .*allows", "labels-not-granted",
        "the pool has runner labels that its namespace may not offer",
        "take them out of the pool's `labels`, or allow them to the environment in the platform stack",
    ),
    (
        "ServiceAccountNotGranted", "account-not-granted",
        "its pods run under a ServiceAccount that may not register runners",
        "`gpu-runners repair` of the pool's stack: somebody changed its ServiceAccount",
    ),
    (
        "LabelsMissing", "labels-missing", "its pods say no runner labels",
        "`gpu-runners repair` of the pool's stack: somebody took the annotation away",
    ),
    (
        r"\(401\)|Token[A-Z]", "token-refused", "the registrar does not accept the token of its pods",
        "set the clocks of the nodes, and see that the cluster's signing keys have not changed: restart the registrar",
    ),
    (
        "NameTaken", "name-taken", "the forge has a runner of that name that is none of ours",
        "remove that runner at the forge, or rename the pool",
    ),
    (
        "", "registration-refused", "the registrar refuses its registration",
        "the platform stack must grant this namespace, and its forgeToken must be valid: "
        "`kubectl logs deployment/registrar` in the registrar's namespace says more",
    ),
)  # fmt: skip
_ENDS: Final = _table(
    (
        "(?i)could not resolve|timed out|connection refused|no route to host|network is unreachable|answered 000",
        "registrar-unreached", "its pods do not reach the registrar",
        "see that the cluster's DNS answers pods and that no network policy shuts them in: `kubectl get "
        "networkpolicies` in the pool's namespace and the registrar's",
    ),
    (
        "(?i)command not found|: not found|no such file or directory|permission denied|exec format|^exit code 12[678]",
        "runner-image-dies", "the runner's own image cannot register a runner",
        "correct `runnerImage` of the pool: it is the forge's runner image, with sh, curl and coreutils",
    ),
    (
        "", "registration-ended", "its registration ended before the registrar answered it",
        "`kubectl logs POD -c registration --previous`, with the pod's name, says how far it came; correct the pool's "
        "`runnerImage`, or see what its node lacks",
    ),
)  # fmt: skip


def refusal(said: str) -> RegistrationEnd:
    """What the registrar's refusal means."""
    return next(end for end in _REFUSALS if end.pattern.search(said))


def registration_end(said: str, exit_code: int) -> RegistrationEnd:
    """What the end of a registration means; said is "" where the process said nothing."""
    if _REFUSED in said:
        return refusal(said)
    return next(end for end in _ENDS if end.pattern.search(said or f"exit code {exit_code}"))
