"""Rules about the registrar, its forge, and the runners there. Pure."""

from collections.abc import Iterator
from typing import Final

from access.causes.cause import Cause, Layer
from access.causes.facts import Facts, RegistrarFacts, RunnerFacts
from access.online.diagnosis import last_word
from access.online.progress import online_count, phase_of
from access.online.snapshot import PodSnapshot
from values.contract import (
    FORGE_REFUSES,
    FORGE_UNKNOWN,
    FORGE_UNREACHABLE,
    NOT_ONLINE,
    REGISTRATION_AFTER_OTHERS,
    REGISTRATION_BRAKED,
    RUNNER_LOST,
)

PATIENCE_SECONDS: Final = 60.0  # that a runner's container may run before it is seen at the forge


def registrar_causes(facts: Facts) -> Iterator[Cause]:
    """The registrar is not there, does not run, or gives no answer."""
    registrar = facts.registrar
    if registrar is None:
        return
    kubectl = f"kubectl --namespace {registrar.place}"
    if not registrar.place:
        yield Cause(
            situation="platform-missing", layer=Layer.REGISTRAR,
            cause=f"the namespace {facts.namespace} names no registrar",
            evidence=(f"no ConfigMap registrar in {facts.namespace}",),
            cure="the platform stack must declare this namespace among its environments: run `pulumi up` there",
        )  # fmt: skip
    elif not registrar.exists:
        yield Cause(
            situation="registrar-gone", layer=Layer.REGISTRAR, cause="there is no registrar",
            evidence=(f"no Deployment registrar in {registrar.place}",),
            cure="`pulumi up` of the platform stack brings it up",
        )  # fmt: skip
    elif registrar.wanted == 0:
        yield Cause(
            situation="registrar-scaled-down", layer=Layer.REGISTRAR, cause="somebody scaled the registrar to nothing",
            evidence=("spec.replicas: 0",), cure=f"`{kubectl} scale deployment/registrar --replicas=1`",
        )  # fmt: skip
    elif registrar.silence:
        yield _silent(registrar, kubectl)
    elif not registrar.granted:
        yield Cause(
            situation="namespace-not-granted", layer=Layer.REGISTRAR,
            cause=f"the platform grants {facts.namespace} no scope of the forge",
            evidence=(f"the registrar in {registrar.place} knows no grant for it",),
            cure="the platform stack must declare this namespace among its environments: run `pulumi up` there",
        )  # fmt: skip


def _silent(registrar: RegistrarFacts, kubectl: str) -> Cause:
    look = f"`{kubectl} describe pods` and `{kubectl} logs deployment/registrar`"
    if registrar.troubles:
        return Cause(
            situation="registrar-down", layer=Layer.REGISTRAR, cause="the registrar does not run",
            evidence=registrar.troubles, cure=look,
        )  # fmt: skip
    if not registrar.running:
        return Cause(
            situation="registrar-down", layer=Layer.REGISTRAR, cause="the registrar has no pod that runs",
            evidence=(registrar.silence,), cure=f"`{kubectl} describe replicasets` says why none is made",
        )  # fmt: skip
    return Cause(
        situation="registrar-silent", layer=Layer.REGISTRAR, cause="the registrar runs and does not answer",
        evidence=(registrar.silence,),
        cure=f"see that nodes of the API server reach pods on port 8444; {look}",
    )  # fmt: skip


def forge_causes(facts: Facts) -> Iterator[Cause]:
    """The registrar does not get on with its forge."""
    registrar = facts.registrar
    if registrar is None or registrar.silence:
        return
    scope = registrar.scope or "all of it"
    if registrar.forge == FORGE_REFUSES:
        yield Cause(
            situation="credential-refused", layer=Layer.FORGE,
            cause=f"the forge refuses the registrar's credential for {scope}", evidence=(registrar.problem,),
            cure="`pulumi config set --secret` the platform stack's credential anew, then `pulumi up` there; or "
            "correct the scope",
        )  # fmt: skip
    elif registrar.forge == FORGE_UNREACHABLE:
        is_limited = any(word in registrar.problem.lower() for word in ("rate limit", "429", "patience", "budget"))
        yield Cause(
            situation="forge-limits" if is_limited else "forge-unreachable", layer=Layer.FORGE,
            cause=f"the forge asks the registrar for patience with {scope}" if is_limited
            else f"the registrar does not reach the forge for {scope}",
            evidence=(registrar.problem,),
            cure="wait until the budget is renewed: `gpu_runners_forge_budget` of /metrics says when" if is_limited
            else "the egress of the registrar, the cluster's DNS, its proxy, or the forge itself: "
            f"`kubectl --namespace {registrar.place} logs deployment/registrar` says which host",
        )  # fmt: skip


def waiting_causes(facts: Facts) -> Iterator[Cause]:
    """A pod has what it needs and gets no registration."""
    for pod in facts.pool.pods:
        word = last_word(pod)
        is_held = word is not None and word.reason in (REGISTRATION_BRAKED, REGISTRATION_AFTER_OTHERS)
        if not pod.current or is_held or phase_of(pod) != "waiting for a registration":
            continue
        unknown = [event.message for event in pod.events if event.reason == FORGE_UNKNOWN]
        if unknown:
            yield Cause(
                situation="forge-unreachable", layer=Layer.FORGE, cause="the registrar gets no answer of the forge",
                evidence=(f"{pod.name}: {unknown[-1]}",),
                cure="the egress of the registrar, the cluster's DNS, its proxy, or the forge itself",
            )  # fmt: skip
        elif facts.of_pod(pod.name).registering > PATIENCE_SECONDS:
            yield Cause(
                situation="registration-pending", layer=Layer.REGISTRAR,
                cause=f"{pod.name} asks for a registration, and gets none",
                evidence=(f"for {facts.of_pod(pod.name).registering:.0f} s without an Event of the registrar's",),
                cure=f"`kubectl --namespace {facts.namespace} logs {pod.name} -c registration` says what the registrar "
                "answers; 000 is a network policy, or DNS",
            )  # fmt: skip


def runner_causes(facts: Facts) -> Iterator[Cause]:
    """What the forge has of the pool's runners is not what was issued."""
    by_pod = {runner.pod: runner for runner in facts.runners or () if runner.pod}
    for pod in facts.pool.pods:
        if pod.terminating or pod.finished or pod.runner.state != "running":
            continue
        runner = by_pod.get(pod.name)
        if runner is not None:
            yield from _drifted(runner)
        if runner is not None and pod.current and not pod.busy:
            yield from _offline(facts, pod, runner)
        elif runner is None and facts.runners is not None and not pod.busy:
            yield from _removed(facts, pod.name, online=pod.online)
    for pod in facts.pool.pods:
        lost = [event for event in pod.events if event.reason in (RUNNER_LOST, NOT_ONLINE)]
        if lost and pod.current and online_count(facts.pool) < facts.pool.replicas:
            yield Cause(
                situation="runner-lost", layer=Layer.FORGE, cause=f"{pod.name} was given up",
                evidence=(lost[-1].message,), cure="see that its pods reach the forge: the environment's `egress`",
            )  # fmt: skip


def _drifted(runner: RunnerFacts) -> Iterator[Cause]:
    removal = f"remove {runner.name} at the forge: its pod is replaced"
    if runner.cordoned:
        yield Cause(
            situation="runner-cordoned", layer=Layer.FORGE,
            cause=f"somebody cordoned {runner.name} at the forge: it gets no job",
            evidence=(runner.problem or "disabled at the forge",), cure=f"enable it there again, or {removal}",
        )  # fmt: skip
    elif runner.problem:
        yield Cause(
            situation="runner-changed", layer=Layer.FORGE,
            cause=f"somebody changed {runner.name} at the forge", evidence=(runner.problem,),
            cure=f"{removal}; `gpu-runners repair` does it",
        )  # fmt: skip


def _offline(facts: Facts, pod: PodSnapshot, runner: RunnerFacts) -> Iterator[Cause]:
    started, name = facts.of_pod(pod.name).started, pod.name
    if not runner.online and not runner.busy and started > PATIENCE_SECONDS:
        yield Cause(
            situation="runner-offline", layer=Layer.FORGE,
            cause=f"{name} was online, and the forge sees it no more" if pod.online
            else f"{name} runs, and the forge does not see it",
            evidence=(f"offline at the forge, and its container runs for {started:.0f} s",),
            cure=f"`kubectl --namespace {facts.namespace} logs {name}` says what it is told; see that pods reach the "
            "forge: `forgeUrl`, the environment's `egress`, its proxy",
        )  # fmt: skip


def _removed(facts: Facts, name: str, *, online: bool) -> Iterator[Cause]:
    if online or facts.of_pod(name).started > PATIENCE_SECONDS:
        yield Cause(
            situation="runner-removed", layer=Layer.FORGE,
            cause=f"the forge has no runner for {name}, which runs: somebody removed it there",
            evidence=(f"{name} is not in the forge's list",),
            cure=f"`kubectl --namespace {facts.namespace} delete pod {name}` brings a new one at once; the registrar "
            "does it after a few minutes",
        )  # fmt: skip
