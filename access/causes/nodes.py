"""Rules about why a pod has no node: by the nodes where they may be read, else by the scheduler's words. Pure."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from access.causes.cause import Cause, Layer
from access.causes.facts import DeploymentFacts, Facts, NodeFacts
from access.causes.occupancy import held_cause, lack
from access.causes.taints import taint_cause
from access.online.progress import progress_line
from access.online.scheduling import autoscaler_word, cure_for, is_hopeless, short_of
from access.online.snapshot import PodSnapshot
from values.kubernetes_syntax import bytes_quantity
from values.placement import LINUX, is_gpu
from values.taint import untolerated

_MOST: Final = 5  # of what is listed as evidence
PROMISE_SECONDS: Final = 900.0  # in which a new node comes, by the defaults of Cluster Autoscaler and Karpenter


def node_causes(facts: Facts) -> Iterator[Cause]:
    """Why the first pod without a node has none, of those for which none is on its way."""
    pod = next((pod for pod in facts.pool.pods if _waits(pod) and not _is_promised(facts, pod)), None)
    if pod is not None:
        cause, word = _of_pod(facts, pod), autoscaler_word(pod)
        yield cause if word is None else replace(cause, evidence=(*cause.evidence, f"{word.reason}: {word.message}"))


def node_comes(facts: Facts) -> Cause | None:
    """Nothing is wrong: a node autoscaler brings a node, and until it is there its lack says nothing."""
    pod = next((pod for pod in facts.pool.pods if _waits(pod) and _is_promised(facts, pod)), None)
    word = autoscaler_word(pod) if pod is not None else None
    if pod is None or word is None:
        return None
    since = f"{facts.of_pod(pod.name).promised or 0:.0f} s ago"
    return Cause(
        situation="node-comes", layer=Layer.NODES, is_trouble=False,
        cause=f"a node autoscaler brings a node for {pod.name}",
        evidence=(f"{word.reason}, {since}: {word.message}", progress_line(facts.pool)),
        cure=f"wait: a node takes minutes; after {PROMISE_SECONDS / 60:.0f} this answer says what the nodes lack",
    )  # fmt: skip


def _of_pod(facts: Facts, pod: PodSnapshot) -> Cause:
    message = pod.scheduling_message
    if storage := _storage(pod):
        return storage
    if "scheduling gates" in message:
        cure = (
            f"`kubectl --namespace {facts.namespace} get pod {pod.name} -o yaml` names them in spec.schedulingGates: "
        )
        return lack("scheduling-gated", "something in the cluster holds its pods back from the scheduler", (message,),
                      f"{cure}whoever set them takes them away, Kueue for one once it admits the pod")  # fmt: skip
    if facts.nodes is not None and facts.deployment is not None:
        usable = _narrowed(facts.deployment, facts.nodes)
        if isinstance(usable, Cause):
            return usable
        return _by_word(pod) if not message or not short_of(message) else held_cause(facts, pod, usable)
    return _by_word(pod) if is_hopeless(message) or not message else held_cause(facts, pod, None)


def _by_word(pod: PodSnapshot) -> Cause:
    """By what the scheduler says alone."""
    message = pod.scheduling_message
    if not message:
        return lack("scheduler-silent", f"no scheduler has looked at {pod.name}", (), _SCHEDULER)
    return lack("fits-no-node", f"{pod.name} fits no node", (message,), cure_for(message))


_SCHEDULER: Final = "see whether kube-scheduler runs: `kubectl --namespace kube-system get pods`"


def _waits(pod: PodSnapshot) -> bool:
    return pod.current and not pod.scheduled and not pod.terminating and not pod.finished


def _is_promised(facts: Facts, pod: PodSnapshot) -> bool:
    promised = facts.of_pod(pod.name).promised
    return promised is not None and promised < PROMISE_SECONDS


def _storage(pod: PodSnapshot) -> Cause | None:
    message = pod.scheduling_message
    if "volume node affinity" in message:
        return lack("cache-elsewhere", "its cache lies on a node that the pool may not use", (message,),
                      cure_for(message))  # fmt: skip
    if "ReadWriteOncePod" in message:
        cure = "wait until that pod ends, or give the cache another `accessMode`: this one is for one pod at a time"
        return lack("cache-held", "another pod has its cache, which is for one at a time", (message,), cure)
    if "persistentvolumeclaim" in message.lower() or "persistent volumes to bind" in message:
        cure = "`kubectl get persistentvolumeclaims` and `kubectl get storageclasses` say what the claim waits for"
        return lack("cache-unbound", "the claim of its cache has no volume yet", (message,), cure)
    return None


def _narrowed(deployment: DeploymentFacts, nodes: Sequence[NodeFacts]) -> Sequence[NodeFacts] | Cause:
    """The nodes that could hold an instance if they were empty; the step that leaves none is the cause."""
    if not nodes:
        return lack("no-nodes", "the cluster has no node", (), "bring up a node: `kubectl get nodes` lists none")
    steps: tuple[tuple[Callable[[NodeFacts], bool], Callable[[Sequence[NodeFacts]], Cause]], ...] = (
        (lambda node: _is_selected(node, deployment.selector), lambda left: _not_selected(deployment, left)),
        (lambda node: node.ready, _not_ready),
        (lambda node: not node.unschedulable, _cordoned),
        (lambda node: not untolerated(node.taints, deployment.tolerations), lambda left: taint_cause(deployment, left)),
        (lambda node: _offers(node, deployment.device), lambda left: _no_devices(deployment, left)),
        (lambda node: _is_large_enough(node, deployment), lambda left: _too_large(deployment, left)),
    )
    left = list(nodes)
    for is_kept, cause in steps:
        kept = [node for node in left if is_kept(node)]
        if not kept:
            return cause(left)
        # Of the nodes that it selects, those without its devices tell nothing of why the others do not take it.
        left = [node for node in kept if _offers(node, deployment.device)] or kept
    return left


def _is_selected(node: NodeFacts, selector: Mapping[str, str]) -> bool:
    return all(node.labels.get(key) == value for key, value in selector.items())


def _not_selected(deployment: DeploymentFacts, nodes: Sequence[NodeFacts]) -> Cause:
    wanted = ", ".join(f"{key}={value}" for key, value in sorted(deployment.selector.items()))
    evidence = [f"wanted: {wanted}"]
    for key, value in sorted(deployment.selector.items()):
        values = Counter(node.labels[key] for node in nodes if key in node.labels)
        if value not in values:
            there = ", ".join(f"{text} ({count})" for text, count in values.most_common(_MOST)) or "none has it"
            evidence.append(f"{key} of the nodes: {there}")
    cure = "compare the pool's gpu.nodeSelector with `kubectl get nodes --show-labels`"
    if deployment.selector == LINUX:
        cure = "add Linux nodes: a pool without GPUs runs on no others"
    return lack("selector-matches-no-node", f"none of {len(nodes)} nodes has its labels", tuple(evidence), cure)


def _not_ready(nodes: Sequence[NodeFacts]) -> Cause:
    evidence = tuple(f"{node.name}: {node.reason}" for node in nodes[:_MOST])
    cure = f"`kubectl describe node {nodes[0].name}`, and the kubelet there"
    return lack("nodes-not-ready", f"each of the {len(nodes)} nodes that it may use is not ready", evidence, cure)


def _cordoned(nodes: Sequence[NodeFacts]) -> Cause:
    names = [node.name for node in nodes]
    return lack(
        "nodes-cordoned", f"each of the {len(nodes)} nodes that it may use is cordoned",
        (f"spec.unschedulable: {', '.join(names[:_MOST])}",), f"`kubectl uncordon {names[0]}`, once its work is done",
    )  # fmt: skip


def _offers(node: NodeFacts, device: str) -> bool:
    return not device or node.allocatable.get(device, Fraction()) > 0


def _no_devices(deployment: DeploymentFacts, nodes: Sequence[NodeFacts]) -> Cause:
    device = deployment.device
    evidence = tuple(
        f"{node.name}: allocatable {device} {int(node.allocatable.get(device, 0))}, "
        f"capacity {int(node.capacity.get(device, 0))}"
        for node in nodes[:_MOST]
    )
    others = sorted({name for node in nodes for name, number in node.allocatable.items() if number and is_gpu(name)})
    cure = "see that the vendor's device plugin runs there: `kubectl get pods --all-namespaces | grep device-plugin`"
    if others and not any(node.capacity.get(device, 0) for node in nodes):
        evidence = (*evidence, f"they offer {', '.join(others)}")
        cure = "set `gpu.resource` of the pool to what they offer, or have the vendor's device plugin offer this one"
    return lack("device-plugin-gone", f"no node that it may use offers {device}", evidence, cure)


def _is_large_enough(node: NodeFacts, deployment: DeploymentFacts) -> bool:
    return all(node.allocatable.get(name, Fraction()) >= amount for name, amount in deployment.requests.items())


def _too_large(deployment: DeploymentFacts, nodes: Sequence[NodeFacts]) -> Cause:
    device = deployment.device
    most = {name: max(node.allocatable.get(name, Fraction()) for node in nodes) for name in sorted(deployment.requests)}
    evidence = tuple(
        f"{name}: wanted {_shown(name, amount)}, at most {_shown(name, most[name])} on one node"
        for name, amount in sorted(deployment.requests.items())
        if amount > most[name]
    ) or ("no node has everything at once",)
    if device and deployment.requests[device] > most[device]:
        cause = f"it asks for {deployment.devices} {device}, more than any node has"
        cure = f"ask for no more {device} than one node has: lower `gpu.count`, and use more replicas"
        whole = next((node for node in nodes if node.capacity.get(device, 0) >= deployment.requests[device]), None)
        if whole is not None:
            cause = f"{cause} that work"
            evidence = (*evidence, f"{whole.name}: capacity {device} {int(whole.capacity[device])}")
            cure = f"the device plugin on {whole.name} calls some unhealthy, and its log says why; until then {cure}"
        return lack("more-gpus-than-a-node", cause, evidence, cure)
    cure = "lower `cpu`, `memory` or the sizes of the pool's volumes, or bring a larger node"
    return lack("larger-than-a-node", "its pods are larger than any node that they may use", evidence, cure)


def _shown(name: str, amount: Fraction) -> str:
    if name in ("memory", "ephemeral-storage"):
        return bytes_quantity(amount)
    return f"{float(amount):g}"
