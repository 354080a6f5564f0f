"""Rules about what keeps a pod that has a node from running: images, files, its end, a refused registration. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from access.causes.cause import Cause, Layer
from access.causes.facts import Facts
from access.online.diagnosis import last_word, readable
from access.online.registration_end import RegistrationEnd, refusal, registration_end
from access.online.snapshot import ContainerSnapshot, PodSnapshot
from values.contract import (
    OUTDATED_EXIT_CODE,
    REGISTRATION_AFTER_OTHERS,
    REGISTRATION_BRAKED,
    REGISTRATION_REFUSED,
    TRUST_CONFIG_MAP,
)

WAIT_FOR_TURN: Final = "wait, give the pool a higher `priorityClassName`, or bring more GPU nodes"
_PULL: Final = ("ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable")
_NO_CONTAINER: Final = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_DENIED: Final = re.compile("(?i)unauthorized|authentication required|denied|forbidden|no basic auth|401|403")
_ABSENT: Final = re.compile("(?i)not found|manifest unknown|no such image|404")
_UNREACHED: Final = re.compile("(?i)dial tcp|no such host|i/o timeout|connection refused|tls:|x509|deadline exceeded")
_CONTRACT_EXIT_CODE: Final = 78  # runner_scripts/image-contract.sh
_PLATFORM: Final = "the platform stack must declare this namespace among its environments: run `pulumi up` there"


def lost_causes(facts: Facts) -> Iterator[Cause]:
    """A runner's node is away; online once or not, as no readiness gate is taken back."""
    nodes = {node.name: node for node in facts.nodes or ()}
    for pod in facts.pool.pods:
        node = nodes.get(facts.of_pod(pod.name).node)
        if pod.current and not pod.terminating and not pod.finished and node is not None and not node.ready:
            yield _cause(
                "node-lost", f"{pod.name} is on {node.name}, which is not ready", (node.reason,),
                f"`kubectl describe node {node.name}`, and the kubelet there; its pods are replaced once it is given "
                "up",
            )  # fmt: skip


def pod_causes(facts: Facts) -> Iterator[Cause]:
    """Of the pods of the present template, first those that live."""
    pods = [pod for pod in facts.pool.pods if pod.current and not pod.online and not pod.terminating and pod.scheduled]
    for pod in (pod for pod in pods if not pod.finished):
        yield from _files(facts, pod)
        for key, container in (("runnerImage", pod.registration), ("image", pod.runner)):
            yield from _image(facts, pod, key, container)
        yield from _death(pod)


def refusal_causes(facts: Facts) -> Iterator[Cause]:
    """How a pod's registration ended, and what the registrar said of it."""
    for pod in facts.pool.pods:
        if not pod.current or pod.online or pod.terminating or pod.finished:
            continue
        word = last_word(pod)
        code, said = pod.registration.exit_code, pod.registration.last_message
        if code and pod.runner.state != "running":
            yield _refused(pod, registration_end(said, code), readable(said) or f"exit code {code}")
        elif word and word.reason == REGISTRATION_REFUSED:
            yield _refused(pod, refusal(word.message), word.message)


def brake_causes(facts: Facts) -> Iterator[Cause]:
    """The registrar holds registrations back: after the ends that made it do so, where these are still there."""
    for pod in facts.pool.pods:
        word = last_word(pod)
        if pod.current and not pod.online and word and word.reason == REGISTRATION_BRAKED:
            yield _cause(
                "braked", "its registrations are held back: its last runners ended at once without a job",
                (f"{pod.name}: {word.message}",),
                "correct the pool's image or its labels; `kubectl logs` of the pool's last pods says why they ended",
                Layer.REGISTRAR,
            )  # fmt: skip


def turn_causes(facts: Facts) -> Iterator[Cause]:
    """A pod waits its turn: jobs of pools that share nodes start in the order of the queue."""
    for pod in facts.pool.pods:
        word = last_word(pod)
        if pod.current and not pod.online and word and word.reason == REGISTRATION_AFTER_OTHERS:
            yield _cause(
                "after-others", f"{pod.name} waits for its turn: an earlier job's runner comes first", (word.message,),
                WAIT_FOR_TURN, Layer.REGISTRAR,
            )  # fmt: skip


def end_causes(facts: Facts) -> Iterator[Cause]:
    """How runners of the present template ended where none lives: after everything that names a nearer cause."""
    ended = [pod for pod in facts.pool.pods if pod.current and pod.phase == "Failed" and not pod.terminating]
    for pod in reversed(ended):
        yield from _end(facts, pod)


def _files(facts: Facts, pod: PodSnapshot) -> Iterator[Cause]:
    failed = [event.message for event in pod.events if event.reason in ("FailedMount", "FailedAttachVolume")]
    if not failed or pod.registration.state in ("running", "terminated"):
        return
    message = failed[-1]
    if any(f'configmap "{TRUST_CONFIG_MAP}" not found' in text for text in failed):
        yield _cause("platform-missing", f"{pod.name} does not know its registrar", (message,), _PLATFORM)
    elif "Multi-Attach" in message:
        cure = "give the cache `accessMode: ReadWriteMany`, or wait until the pods of the other node end"
        yield _cause("cache-attached-elsewhere", f"a cache of {pod.name} is attached to another node", (message,), cure)
    else:
        cure = f"`kubectl --namespace {facts.namespace} describe pod {pod.name}`; correct the pool's caches or Secrets"
        yield _cause("volume-not-mounted", f"a volume of {pod.name} cannot be mounted", (message,), cure)


def _image(facts: Facts, pod: PodSnapshot, key: str, container: ContainerSnapshot) -> Iterator[Cause]:
    reason, message = container.reason, container.message
    seen = (f"{pod.name}: {reason}: {message}",)
    if reason in _PULL:
        # ImagePullBackOff repeats less than the event that began it.
        told = " ".join([message, *(event.message for event in pod.events if event.reason == "Failed")])
        yield _pull(key, told, (*seen, *_last_failure(pod)))
    elif reason == "ErrImageNeverPull":
        cure = f"correct `{key}` of the pool, or load the image on the node: this pool's policy pulls none"
        yield _cause("image-not-on-node", f"the node has not the pool's `{key}`, and may not pull it", seen, cure)
    elif reason == "InvalidImageName":
        yield _cause("image-name-invalid", f"the pool's `{key}` is no name of an image", seen, f"correct `{key}`")
    elif reason in _NO_CONTAINER:
        yield _container(facts, pod, message, seen)


def _last_failure(pod: PodSnapshot) -> tuple[str, ...]:
    told = [event.message for event in pod.events if event.reason == "Failed" and "rror:" not in event.message[:6]]
    return tuple(told[-1:])


def _pull(key: str, told: str, seen: tuple[str, ...]) -> Cause:
    if _UNREACHED.search(told):
        cure = "see that the nodes reach the registry: its name, the proxy, its certificate"
        return _cause("registry-unreachable", f"the node does not reach the registry of the pool's `{key}`", seen, cure)
    if _ABSENT.search(told) and not re.search("(?i)unauthorized|authentication required", told):
        cure = f"correct `{key}` of the pool: its registry has no such image"
        return _cause("image-not-found", f"there is no image as the pool's `{key}` names it", seen, cure)
    if _DENIED.search(told):
        cure = f"give the environment a login for that registry (`pullSecrets`), or correct `{key}` of the pool"
        return _cause("registry-refuses", f"the registry of the pool's `{key}` refuses the node", seen, cure)
    cure = f"correct `{key}` of the pool, or give the nodes access to its registry"
    return _cause("image-not-pulled", f"the pool's `{key}` cannot be pulled", seen, cure)


def _container(facts: Facts, pod: PodSnapshot, message: str, seen: tuple[str, ...]) -> Cause:
    if re.search("(?i)secret .*not found|configmap .*not found|couldn't find key", message):
        cure = (
            f"make what is missing in {facts.namespace}: `pulumi up` of the platform stack, or correct the pool's env"
        )
        return _cause("config-missing", f"{pod.name} needs a Secret or ConfigMap that is not there", seen, cure)
    if re.search("(?i)executable file not found|no such file or directory|permission denied|exec format", message):
        cure = "use an image with a shell, for the architecture of the nodes: `image` of the pool"
        return _cause("image-has-no-shell", f"{pod.name} cannot be started in its image", seen, cure)
    cure = f"see `kubectl --namespace {facts.namespace} describe pod {pod.name}`"
    return _cause("container-not-created", f"the node cannot make a container of {pod.name}", seen, cure)


def _death(pod: PodSnapshot) -> Iterator[Cause]:
    """A container that ends again and again before the runner's has begun."""
    if pod.registration.reason in ("OOMKilled", "StartError", "ContainerCannotRun"):
        cure = "correct `runnerImage` of the pool: it is the forge's runner image, for the nodes' architecture"
        seen = (f"{pod.name}: {pod.registration.reason}: {pod.registration.last_message}".rstrip(": "),)
        yield _cause("runner-image-dies", "the runner's own image does not run on the node", seen, cure)


def _refused(pod: PodSnapshot, end: RegistrationEnd, said: str) -> Cause:
    # That a process of the runner's image dies is no word of the registrar's.
    layer = Layer.POD if end.situation in ("runner-image-dies", "registration-ended") else Layer.REGISTRAR
    return _cause(end.situation, end.cause, (f"{pod.name}: {said}",), end.cure, layer)


def _end(facts: Facts, pod: PodSnapshot) -> Iterator[Cause]:
    runner = pod.runner
    detail = readable(runner.last_message) or pod.reason
    how = f"exit code {runner.exit_code}" if runner.exit_code is not None else pod.reason or "no exit code"
    seen = (f"{pod.name}: {how}{f': {detail}' if detail and detail != how else ''}",)
    logs = f"`kubectl --namespace {facts.namespace} logs {pod.name}`"
    if pod.reason == "Evicted":
        yield _cause("evicted", "the node evicted its runner", seen,
                     "raise `ephemeralStorage` or `workVolume` of the pool, or free the node's disk")  # fmt: skip
    elif runner.reason == "OOMKilled" or pod.reason == "OOMKilled":
        yield _cause("out-of-memory", "its runner took more memory than the pool gives it", seen,
                     "raise `memory` of the pool; `sharedMemory` counts towards it")  # fmt: skip
    elif runner.exit_code == _CONTRACT_EXIT_CODE:
        cure = "as the last line above says, in the pool's `image`"
        yield _cause("image-contract", "the pool's image lacks what a runner needs", seen, cure)
    elif runner.exit_code == OUTDATED_EXIT_CODE:
        yield _cause("runner-outdated", "GitHub no longer serves this version of the runner", seen,
                     "set `runnerImage` to a newer one")  # fmt: skip
    elif runner.exit_code in (126, 127, 128) or runner.reason in ("StartError", "ContainerCannotRun"):
        yield _cause("image-has-no-shell", f"{pod.name} cannot be started in its image", seen,
                     "use an image with a shell, for the architecture of the nodes: `image` of the pool")  # fmt: skip
    elif pod.reason in ("UnexpectedAdmissionError", "OutOfnvidia.com/gpu", "NodeAffinity", "Preempting"):
        yield _cause("node-refused", "the node would not have the pod that was given to it", seen,
                     "see whether its device plugin restarts: `kubectl get pods --all-namespaces`")  # fmt: skip
    else:
        yield _cause("runner-ended", "its runner ended before a job came", seen,
                     f"see {logs} and correct the pool's image")  # fmt: skip


def _cause(situation: str, cause: str, evidence: tuple[str, ...], cure: str, layer: Layer = Layer.POD) -> Cause:
    return Cause(situation=situation, layer=layer, cause=cause, evidence=tuple(filter(None, evidence)), cure=cure)
