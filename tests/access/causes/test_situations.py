"""Each situation has its own answer: the first cause from the stack to the forge, with what was seen and a cure."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from access.causes.cause import Layer
from access.causes.facts import JobFacts, StackFacts
from access.causes.jobs import job_cause, job_unknown
from access.causes.order import first_cause
from access.causes.reader import FactsReader
from tests.access.causes.world import API, APPS, GPU, KEY, NAMESPACE, NOW, PLATFORM, POOL, REGISTRAR, World

Make = Callable[[World], object]
QUOTA = (
    'pods "workers-59ccb65746-x" is forbidden: exceeded quota: environment, requested: requests.nvidia.com/gpu=1, '
    "used: requests.nvidia.com/gpu=2, limited: requests.nvidia.com/gpu=2"
)


def waiting(reason: str, message: str = "") -> dict[str, object]:
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def running(started: str = "2026-11-26T20:44:46Z") -> dict[str, object]:
    return {"state": {"running": {"startedAt": started}}}


DONE = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}


def stack(**changes: object) -> Make:
    def make(world: World) -> None:
        assert world.stack is not None
        world.stack = replace(world.stack, **changes)  # type: ignore[arg-type]

    return make


def node(change: Callable[[dict[str, dict[str, object]]], object], message: str | None = None) -> Make:
    def make(world: World) -> None:
        if message is None:
            world.unplaced()
        else:
            world.unplaced(message)
        change(world.node)

    return make


def selects(world: World, **selector: str) -> None:
    world.unplaced("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.")
    world.template["nodeSelector"] = {"nvidia.com/gpu.product": "NVIDIA-H200"}


def asks_for(resource: str, amount: str) -> Make:
    def make(world: World) -> None:
        world.unplaced(f"0/2 nodes are available: 2 Insufficient {resource}. preemption: 0/2 nodes are available.")
        world.template["containers"][0]["resources"] = {"requests": {resource: amount}}

    return make


def image(reason: str, message: str, container: str = "runner") -> Make:
    def make(world: World) -> None:
        statuses = {"registration": DONE, container: waiting(reason, message)}
        world.starting(**statuses)

    return make


def refused(message: str) -> Make:
    reason = message.split(maxsplit=1)[0]
    return died(1, f'registration refused (403): {{"reason": "{reason}", "message": "{message}"}}')


def died(exit_code: int, message: str) -> Make:
    def make(world: World) -> None:
        ended = {"exitCode": exit_code, "message": message}
        world.starting(registration={"state": {"waiting": {"reason": "CrashLoopBackOff"}},
                                     "lastState": {"terminated": ended}})  # fmt: skip

    return make


def told(reason: str, message: str, **statuses: object) -> Make:
    def make(world: World) -> None:
        world.starting(**(statuses or {"registration": running("2026-11-26T20:51:58Z")}))
        world.told(reason, message)

    return make


def lacks(path: str) -> Make:
    return lambda world: world.answers.pop(path)


def node_less(world: World) -> None:
    world.unplaced()
    world.answers["/api/v1/nodes"]["items"] = []


def ended_as(reason: str) -> Make:
    def make(world: World) -> None:
        world.ended()
        world.pods[-1]["status"]["reason"] = reason

    return make


def queued(world: World) -> None:
    world.scaled({})
    world.queue(3, 2)


def scaled_by_others(world: World) -> None:
    world.deployment["metadata"]["annotations"]["gpu-runners.dev/autoscaled"] = "true"
    world.queue(3, 2)


def unserved(world: World) -> None:
    entry = {"scope": "mlops/tests", "reason": "NoPool", "labels": ["cuda-13"], "number": 2, "jobs": ["job 7 (train)"],
             "pool": "", "problem": "no pool of mlops/tests offers cuda-13", "cure": "did you mean 12?"}  # fmt: skip
    world.answers[f"{REGISTRAR}/unserved"] = {"jobs": [entry, {**entry, "scope": "elsewhere", "problem": "other"}]}


def held_by_its_own_job(world: World) -> None:
    leaving = copy.deepcopy(world.pods[-1])
    leaving["metadata"]["name"] = "workers-59ccb65746-leaving"
    leaving["metadata"]["deletionTimestamp"] = "2026-11-26T20:51:00Z"
    leaving["metadata"]["annotations"] = {"gpu-runners.dev/busy": "7"}
    world.unplaced("0/2 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 0/2 nodes are available.")
    world.pods.append(leaving)


def scattered(world: World) -> None:
    asks_for(GPU, "4")(world)
    world.node["status"]["allocatable"][GPU] = "4"


def node_comes(world: World) -> None:
    world.unplaced()
    world.told("TriggeredScaleUp", "pod triggered scale-up")


def offline(world: World) -> None:
    runners = [dict(runner) for runner in world.runners]
    pod = world.starting(registration=DONE, runner=running())
    pod["status"]["phase"] = "Running"
    world.answers[f"{REGISTRAR}/runners"]["runners"] = [{**runner, "online": False} for runner in runners]


SITUATIONS: dict[str, tuple[Layer, Make, str, str]] = {
    "pool-unknown": (Layer.STACK, stack(in_config=False, in_state=False), "tests has no pool workers", "did you mean"),
    "not-brought-up": (Layer.STACK, stack(in_state=False), "no `pulumi up` has declared it", "pulumi up --stack tests"),
    "declared-zero": (Layer.STACK, stack(replicas=0), "declares 0 replicas", "raise `replicas`"),
    "cluster-unreachable": (Layer.CLUSTER, lambda world: setattr(world, "is_away", True), "https://k8s:6443", "Check"),
    "namespace-gone": (Layer.CLUSTER, lacks(API), "no namespace gpu-runners-test", "platform stack"),
    "namespace-leaving": (
        Layer.CLUSTER, lambda world: world.answers[API]["status"].update(phase="Terminating"), "being deleted",
        "kubectl",
    ),
    "deployment-gone": (
        Layer.DEPLOYMENT, lambda world: world.answers[f"{APPS}/deployments"].update(items=[]), "does not exist",
        "`pulumi refresh`",
    ),
    "deployment-paused": (
        Layer.DEPLOYMENT,
        lambda world: (world.deployment["spec"].update(paused=True), world.pods.pop()),
        "spec.paused", "kubectl rollout resume",
    ),
    "deployment-unseen": (
        Layer.DEPLOYMENT, lambda world: world.deployment["metadata"].update(generation=2), "observedGeneration",
        "kube-controller-manager",
    ),
    "scaled-by-hand": (
        Layer.DEPLOYMENT, lambda world: world.deployment["spec"].update(replicas=1), "scaled the Deployment to 1",
        "--replicas=2",
    ),
    "quota-exceeded": (Layer.DEPLOYMENT, lambda world: world.cannot_create(QUOTA), "used: requests", "raise the env"),
    "quota-unspecified": (
        Layer.DEPLOYMENT, lambda world: world.cannot_create("failed quota: x: must specify memory for: runner"),
        "must specify memory", "pulumi up",
    ),
    "account-missing": (
        Layer.DEPLOYMENT,
        lambda world: world.cannot_create('pods "w-" is forbidden: error looking up service account gpu-runners-test/'
                                          'runner: serviceaccount "runner" not found'),
        "not found", "platform stack",
    ),
    "admission-refused": (
        Layer.DEPLOYMENT,
        lambda world: world.cannot_create('pods "w-" is forbidden: ValidatingAdmissionPolicy \'gpu-runners-x\' with '
                                          "binding 'x' denied request: hostNetwork is not a runner's"),
        "hostNetwork is not", "gpu-runners review",
    ),
    "limit-range": (
        Layer.DEPLOYMENT,
        lambda world: world.cannot_create('pods "w-" is forbidden: maximum memory usage per Container is 1Gi, but '
                                          "limit is 8Gi"),
        "is 1Gi, but", "kubectl get limitranges",
    ),
    "pod-security": (
        Layer.DEPLOYMENT, lambda world: world.cannot_create('violates PodSecurity "restricted:v1.35": hostPath'),
        "hostPath", "namespace's labels",
    ),
    "webhook-refused": (
        Layer.DEPLOYMENT,
        lambda world: world.cannot_create('failed calling webhook: admission webhook "x.y" denied the request'),
        "x.y", "whoever runs",
    ),
    "runtime-class-missing": (
        Layer.DEPLOYMENT,
        lambda world: world.cannot_create('pod rejected: RuntimeClass "nvidia" not found'), "nvidia",
        "`runtimeClassName`",
    ),
    "priority-class-missing": (
        Layer.DEPLOYMENT,
        lambda world: world.cannot_create("no PriorityClass with name research was found"), "research",
        "`priorityClassName`",
    ),
    "creation-refused": (Layer.DEPLOYMENT, lambda world: world.cannot_create("computer says no"), "computer", "up"),
    "no-nodes": (
        Layer.NODES, node_less,
        "no node", "bring up a node",
    ),
    "selector-matches-no-node": (Layer.NODES, selects, "NVIDIA-A100-SIMULATED (1)", "gpu.nodeSelector"),
    "nodes-not-ready": (
        Layer.NODES,
        node(lambda it: it["status"].update(conditions=[
            {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}])),
        "lab: Kubelet stopped posting", "kubectl describe node lab",
    ),
    "nodes-cordoned": (Layer.NODES, node(lambda it: it["spec"].update(unschedulable=True)), "lab", "uncordon lab"),
    "taint-not-tolerated": (
        Layer.NODES, node(lambda it: it["spec"].update(taints=[
            {"key": "dedicated", "value": "research", "effect": "NoSchedule"}])),
        "lab: dedicated=research:NoSchedule", "gpu.tolerations",
    ),
    "node-under-pressure": (
        Layer.NODES, node(lambda it: it["spec"].update(taints=[
            {"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}])),
        "disk-pressure", "kubectl describe node lab",
    ),
    "device-plugin-gone": (
        Layer.NODES, node(lambda it: it["status"]["allocatable"].update({GPU: "0"})),  # type: ignore[attr-defined]
        f"allocatable {GPU} 0, capacity 4", "device plugin",
    ),
    "more-gpus-than-a-node": (Layer.NODES, asks_for(GPU, "5"), f"{GPU}: wanted 5, at most 4", "gpu.count"),
    "larger-than-a-node": (Layer.NODES, asks_for("memory", "900Gi"), "memory: wanted 900Gi", "larger node"),
    "gpus-in-use": (Layer.NODES, lambda world: world.unplaced(), "gpu-runners-test/workers holds 1", "more GPU nodes"),
    "cache-elsewhere": (
        Layer.NODES, lambda world: world.unplaced("0/2 nodes are available: 2 node(s) had volume node affinity."),
        "volume node affinity", "kubectl describe pv",
    ),
    "cache-unbound": (
        Layer.NODES,
        lambda world: world.unplaced("0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
        "unbound", "persistentvolumeclaims",
    ),
    "cache-held": (
        Layer.NODES,
        lambda world: world.unplaced("0/2 nodes are available: 1 node has pod using PersistentVolumeClaim with the "
                                     "same name and ReadWriteOncePod access mode."),
        "1 node has pod using", "accessMode",
    ),
    "scheduler-silent": (Layer.NODES, lambda world: world.unplaced(""), "no scheduler", "kube-scheduler"),
    "node-lost": (
        Layer.POD,
        lambda world: (world.starting(registration=waiting("PodInitializing")), world.node["status"].update(conditions=[
            {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}])),
        "Kubelet stopped", "kubectl describe node lab",
    ),
    "image-not-found": (
        Layer.POD, image("ErrImagePull", 'failed to resolve reference "lab.local/nosuch:1": not found'), "nosuch:1",
        "correct `image`",
    ),
    "registry-refuses": (
        Layer.POD, image("ErrImagePull", "pull access denied, failed to authorize: 401 Unauthorized"), "401",
        "pullSecrets",
    ),
    "registry-unreachable": (
        Layer.POD, image("ErrImagePull", "dial tcp: lookup registry.example: no such host"), "no such host", "reach",
    ),
    "image-not-pulled": (Layer.POD, image("ImagePullBackOff", "Back-off pulling image"), "Back-off", "registry"),
    "image-not-on-node": (
        Layer.POD, image("ErrImageNeverPull", 'Container image "x" is not present with pull policy of Never',
                         "registration"), "pull policy of Never", "runnerImage",
    ),
    "image-name-invalid": (Layer.POD, image("InvalidImageName", "couldn't parse image name"), "parse", "correct"),
    "config-missing": (
        Layer.POD, image("CreateContainerConfigError", 'secret "token" not found'), 'secret "token"', "pulumi up",
    ),
    "image-has-no-shell": (
        Layer.POD, image("CreateContainerError", 'exec: "/bin/sh": stat /bin/sh: no such file or directory'), "/bin/sh",
        "image with a shell",
    ),
    "container-not-created": (Layer.POD, image("RunContainerError", "device or resource busy"), "busy", "describe pod"),
    "platform-missing": (
        Layer.POD, told("FailedMount", 'MountVolume.SetUp failed: configmap "registrar" not found',
                        registration=waiting("PodInitializing")), "registrar", "platform stack",
    ),
    "volume-not-mounted": (
        Layer.POD, told("FailedMount", 'MountVolume.SetUp failed for volume "cache"',
                        registration=waiting("PodInitializing")), "cache", "describe pod",
    ),
    "cache-attached-elsewhere": (
        Layer.POD, told("FailedAttachVolume", 'Multi-Attach error for volume "pvc-1" Volume is already used by pod x',
                        registration=waiting("PodInitializing")), "already used by", "ReadWriteMany",
    ),
    "runner-image-dies": (
        Layer.POD, lambda world: world.starting(registration={"state": {"terminated": {
            "reason": "StartError", "exitCode": 128, "message": "exec format error"}}}),
        "exec format error", "runnerImage",
    ),
    "registration-ended": (
        Layer.POD, died(1, "cp: cannot create '/runner/bin': No space left on device"), "No space left",
        "kubectl logs POD -c registration",
    ),
    "registrar-unreached": (
        Layer.REGISTRAR, died(1, "curl: (28) Connection timed out"), "Connection timed out", "networkpolicies",
    ),
    "registrar-gone": (Layer.REGISTRAR, lambda world: world.no_registrar(), PLATFORM, "platform stack"),
    "registrar-scaled-down": (
        Layer.REGISTRAR, lambda world: world.no_registrar(spec={"replicas": 0}), "replicas: 0", "--replicas=1",
    ),
    "registrar-down": (
        Layer.REGISTRAR, lambda world: world.no_registrar(spec={"replicas": 1}), "no endpoints", "describe replicasets",
    ),
    "credential-refused": (
        Layer.FORGE, lambda world: world.forge("refuses", "list: the forge answers 401"), "401", "pulumi config set",
    ),
    "forge-unreachable": (
        Layer.FORGE, lambda world: world.forge("unreachable", "Cannot connect to host"), "Cannot connect", "egress",
    ),
    "forge-limits": (
        Layer.FORGE, lambda world: world.forge("unreachable", "rate limit: 0 left"), "rate limit", "budget is renewed",
    ),
    "namespace-not-granted": (
        Layer.REGISTRAR, lambda world: world.answers[f"{REGISTRAR}/forge"].update(scopes=[]), "no grant",
        "environments",
    ),
    "labels-not-granted": (
        Layer.REGISTRAR, refused("LabelsNotGranted the grant allows cml-gpu"), "LabelsNotGranted", "`labels`",
    ),
    "account-not-granted": (Layer.REGISTRAR, refused("ServiceAccountNotGranted default"), "Account", "repair"),
    "labels-missing": (Layer.REGISTRAR, refused("LabelsMissing no annotation"), "LabelsMissing", "repair"),
    "token-refused": (Layer.REGISTRAR, refused("TokenExpired the token has expired"), "TokenExpired", "clocks"),
    "name-taken": (Layer.REGISTRAR, refused("NameTaken of another"), "NameTaken", "remove that runner"),
    "registration-refused": (Layer.REGISTRAR, refused("PodUnknown no pod"), "PodUnknown", "kubectl logs"),
    "braked": (
        Layer.REGISTRAR, told("RegistrationBraked", "the last 3 runners ended within 1 s without a job"), "within 1 s",
        "kubectl logs",
    ),
    "after-others": (
        Layer.REGISTRAR, told("RegistrationAfterOthers", "job 7 of runners/big came first"), "job 7", "priority",
    ),
    "registration-pending": (
        Layer.REGISTRAR, lambda world: world.starting(registration=running()), "without an Event",
        "-c registration",
    ),
    "runner-cordoned": (
        Layer.FORGE, lambda world: world.runners[0].update(cordoned=True, problem="somebody cordoned the runner"),
        "cordoned the runner", "enable it",
    ),
    "runner-changed": (
        Layer.FORGE, lambda world: world.runners[0].update(problem="labels are 'release', declared 'workers'"),
        "'release'", "gpu-runners repair",
    ),
    "runner-removed": (Layer.FORGE, lambda world: world.runners.pop(), "not in the forge's list", "delete pod"),
    "runner-offline": (Layer.FORGE, offline, "offline at the forge", "egress"),
    "evicted": (
        Layer.POD, ended_as("Evicted"), "Evicted",
        "workVolume",
    ),
    "out-of-memory": (Layer.POD, lambda world: world.ended(exitCode=137, reason="OOMKilled"), "137", "`memory`"),
    "image-contract": (
        Layer.POD, lambda world: world.ended(exitCode=78, message="image contract: it has no 'sleep'"), "'sleep'",
        "`image`",
    ),
    "runner-outdated": (Layer.POD, lambda world: world.ended(exitCode=7, reason="Error"), "7", "runnerImage"),
    "node-refused": (
        Layer.POD,
        ended_as("UnexpectedAdmissionError"),
        "UnexpectedAdmissionError", "device plugin",
    ),
    "runner-ended": (Layer.POD, lambda world: world.ended(exitCode=3, message="boom"), "3: boom", "kubectl"),
    "keda-missing": (Layer.AUTOSCALER, lambda world: world.scaled(None, served=False), "ScaledObject", "install KEDA"),
    "scaled-object-gone": (Layer.AUTOSCALER, lambda world: world.scaled(None), "no ScaledObject", "repair"),
    "autoscaler-paused": (
        Layer.AUTOSCALER,
        lambda world: world.scaled({"metadata": {"annotations": {"autoscaling.keda.sh/paused": "true"}}}), "paused",
        "kubectl",
    ),
    "autoscaler-not-ready": (
        Layer.AUTOSCALER,
        lambda world: world.scaled({"status": {"conditions": [
            {"type": "Ready", "status": "False", "message": "error establishing connection to the metrics API"}]}}),
        "metrics API", "keda-operator",
    ),
    "fewer-than-min": (
        Layer.AUTOSCALER, lambda world: world.scaled({}, replicas=0, least=3), "spec.replicas: 0", "keda-operator",
    ),
    "autoscaler-late": (
        Layer.AUTOSCALER, queued, "2 of at most 4", "keda-operator",
    ),
    "not-scaled-up": (Layer.AUTOSCALER, scaled_by_others, "spec.replicas: 2, wanted: 5", "horizontalpodautoscalers"),
    "all-runners-busy": (Layer.JOB, lambda world: world.queue(3, 2), "2 jobs run on 2 runners", "raise `replicas`"),
    "job-not-given": (Layer.JOB, lambda world: world.queue(1, 0), "2 runners are online", "runner group"),
    "waits-for-own-jobs": (Layer.JOB, held_by_its_own_job, "1 of 2 online", ""),
    "asleep": (Layer.AUTOSCALER, lambda world: world.scaled({}, replicas=0), "0 of 0 online", ""),
    "under-way": (
        Layer.POD, lambda world: world.starting(registration=running("2026-11-26T20:51:58Z")) and world.pods[-1][
            "metadata"].update(creationTimestamp="2026-11-26T20:51:57Z"), "1 of 2 online", "gpu-runners wait",
    ),
    "scheduling-gated": (
        Layer.NODES, lambda world: world.unplaced("Scheduling is blocked due to non-empty scheduling gates"),
        "scheduling gates", "spec.schedulingGates",
    ),
    "gpus-scattered": (Layer.NODES, scattered, "no node that it may use has 4", "lower `gpu.count`"),
    "node-comes": (
        Layer.NODES, node_comes,
        "TriggeredScaleUp, 60 s ago", "a node takes minutes",
    ),
    "healthy": (Layer.JOB, lambda world: None, "2 of 2 online", ""),
}  # fmt: skip
FINE = {"waits-for-own-jobs", "asleep", "under-way", "node-comes", "healthy"}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_each_situation_has_its_own_answer_with_evidence_and_cure(situation: str) -> None:
    layer, make, seen, cure = SITUATIONS[situation]
    world = World()
    make(world)
    cause = world.answer()
    assert (cause.situation, cause.layer) == (situation, layer), cause
    assert seen in "\n".join((cause.cause, *cause.evidence)), cause
    assert cure in cause.cure, cause
    assert cause.is_trouble == (situation not in FINE)


def test_there_are_more_than_twenty_five() -> None:
    assert len(SITUATIONS.keys() - FINE) >= 25


def test_the_page_of_the_commands_lists_every_situation() -> None:
    page = (Path(__file__).parents[3] / "docs/commands.md").read_text(encoding="utf-8")
    assert {name for name in SITUATIONS if f"`{name}`" not in page} == set()


def test_the_page_of_the_commands_names_every_situation_that_is_no_trouble() -> None:
    page = (Path(__file__).parents[3] / "docs/commands.md").read_text(encoding="utf-8")
    (line,) = (line for line in page.splitlines() if line.startswith("A cause is exit code 3"))
    fine = FINE | {"job-runs", job_unknown("1", ["the jobs of mlops"]).situation}
    assert {name for name in fine if f"`{name}`" not in line} == set()


def test_no_two_situations_have_the_same_words() -> None:
    answers = {}
    for situation, (_, make, _, _) in SITUATIONS.items():
        world = World()
        make(world)
        cause = world.answer()
        answers[situation] = (cause.cause, cause.evidence)
    assert len(set(answers.values())) == len(answers)


@pytest.mark.parametrize(
    ("nearer", "farther"),
    [
        ("declared-zero", "credential-refused"),
        ("quota-exceeded", "registrar-gone"),
        ("image-not-found", "forge-unreachable"),
        ("gpus-in-use", "credential-refused"),
        ("registrar-gone", "runner-ended"),
        ("credential-refused", "keda-missing"),
        ("scaled-by-hand", "all-runners-busy"),
    ],
)
def test_of_two_causes_the_one_nearer_to_the_stack_is_the_answer(nearer: str, farther: str) -> None:
    world = World()
    SITUATIONS[farther][1](world)
    SITUATIONS[nearer][1](world)
    assert world.answer().situation == nearer


def test_what_may_not_be_read_is_named_and_does_not_hide_the_rest() -> None:
    world = World()
    for path in ("/api/v1/nodes", "/api/v1/pods", f"{REGISTRAR}/forge", API):
        world.refusals[path] = (403, "forbidden")
    world.unplaced("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.")
    facts, cause = world.facts(), world.answer()
    assert cause.situation == "fits-no-node"
    assert "gpu.nodeSelector" in cause.cure
    unread = {line.split(":")[0] for line in facts.unread}
    assert unread == {"nodes", "pods of other namespaces", "the registrar"}


def test_pools_share_one_look_at_their_namespace() -> None:
    world = World()
    reader = FactsReader(world, lambda: NOW)
    first, second = reader.read(NAMESPACE, POOL), reader.read(NAMESPACE, "other")
    assert (first_cause(first).situation, first_cause(second).situation) == ("healthy", "deployment-gone")
    assert len(world.asked) == len(set(world.asked))


def test_a_look_that_was_broken_off_is_tried_again() -> None:
    world = World()
    reader = FactsReader(world, lambda: NOW)
    world.is_away = True
    assert first_cause(reader.read(NAMESPACE, POOL)).situation == "cluster-unreachable"
    world.is_away = False
    assert first_cause(reader.read(NAMESPACE, POOL)).situation == "healthy"


def test_a_job_that_no_pool_takes_is_no_trouble_of_a_pool_and_is_mentioned() -> None:
    world = World()
    unserved(world)
    cause = world.answer()
    assert cause.situation == "healthy"
    assert cause.evidence[-1] == (
        "2 jobs wait that no pool can ever take: no pool of mlops/tests offers cuda-13; did you mean 12?"
    )


def test_a_job_that_no_pool_takes_is_answered_in_the_registrar_s_words() -> None:
    world = World()
    unserved(world)
    cause = job_cause(JobFacts(id="7", name="train", labels=("cuda-13",)), (KEY,), world.facts().unserved)
    assert cause is not None
    assert (cause.situation, cause.cure) == ("job-nobody-takes", "did you mean 12?")


def test_a_deployment_at_zero_that_nobody_declares_is_told_as_it_is() -> None:
    world = World()
    world.stack, world.pods[:] = None, []
    world.deployment["spec"]["replicas"] = 0
    assert (world.answer().situation, "wants no runner" in world.answer().cause) == ("asleep", True)


@pytest.mark.parametrize(
    ("exit_code", "said", "situation"),
    [
        (1, "curl: (6) Could not resolve host: registrar", "registrar-unreached"),
        (143, "try 9: registrar answered 000 ; next try in 30 s", "registrar-unreached"),
        (127, "sh: curl: not found", "runner-image-dies"),
        (126, "", "runner-image-dies"),
        (1, "", "registration-ended"),
        (1, 'registration refused (403): {"reason": "PodUnknown", "message": "timed out"}', "registration-refused"),
    ],
)
def test_only_the_registrar_s_own_word_is_a_refusal(exit_code: int, said: str, situation: str) -> None:
    world = World()
    died(exit_code, said)(world)
    assert world.answer().situation == situation


def test_a_pool_of_no_stack_is_looked_at_all_the_same() -> None:
    world = World()
    world.stack = None
    assert world.answer().situation == "healthy"


def test_the_end_that_made_the_registrar_brake_is_the_answer_and_not_the_brake() -> None:
    world = World()
    SITUATIONS["braked"][1](world)
    ended = {"name": "runner", "state": {"terminated": {"exitCode": 78, "message": "image contract: no 'sleep'"}}}
    old = {**world.pods[-1]["metadata"], "name": "workers-59ccb65746-old"}
    world.pods.append({"metadata": old, "status": {"phase": "Failed", "containerStatuses": [ended]}})
    assert world.answer().situation == "image-contract"


def test_old_failures_are_no_cause_while_every_runner_is_online() -> None:
    world = World()
    failed = {**world.pods[-1], "metadata": {**world.pods[-1]["metadata"], "name": "workers-59ccb65746-old"},
              "status": {"phase": "Failed", "containerStatuses": [
                  {"name": "runner", "state": {"terminated": {"exitCode": 3}}}]}}  # fmt: skip
    world.pods.append(failed)
    assert world.answer().situation == "healthy"


def test_a_pod_that_waited_long_for_a_node_and_just_asks_for_its_registration_is_under_way() -> None:
    world = World()
    world.starting(registration=running("2026-11-26T20:51:58Z"))
    world.pods[-1]["metadata"]["creationTimestamp"] = "2026-11-26T18:00:00Z"
    assert world.answer().situation == "under-way"


ODD = [None, 7, "x", [], [7], {}, {"a": 1}, [{"labels": 7, "pools": {}, "jobs": "x", "number": "many", "scope": []}]]


@pytest.mark.parametrize("odd", ODD, ids=str)
@pytest.mark.parametrize("path", ["runners", "queue", "unserved", "forge", "jobs"])
def test_whatever_a_registrar_of_another_version_answers_there_is_an_answer(path: str, odd: object) -> None:
    world = World()
    keys = {"runners": "runners", "forge": "scopes", "queue": KEY}
    world.answers[f"{REGISTRAR}/{path}"] = {keys.get(path, "jobs"): odd}
    assert world.answer().situation
    reader = FactsReader(world, lambda: NOW)
    assert isinstance(reader.jobs(NAMESPACE, "7"), tuple)


def test_a_job_is_asked_for_by_its_number_as_a_registrar_lists_no_more_than_some_hundreds() -> None:
    world = World()
    FactsReader(world, lambda: NOW).jobs(NAMESPACE, "7")
    assert world.parameters[f"{REGISTRAR}/jobs"] == {"job": "7"}


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_namespaces_of_another_shape_are_none(odd: object) -> None:
    world = World()
    world.answers[f"{REGISTRAR}/forge"]["scopes"][0]["namespaces"] = odd
    assert world.answer().situation == "namespace-not-granted"


def test_a_stack_may_have_pools_of_any_name() -> None:
    world = World()
    world.stack = StackFacts(stack="tests", in_config=False, in_state=False, pools=())
    assert "its pools: none" in world.answer().evidence


def test_a_cordoned_gpu_node_is_the_cause_though_nodes_without_gpus_are_open() -> None:
    world = World()
    world.unplaced("0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) were unschedulable.")
    world.template["nodeSelector"] = {}
    world.node["spec"]["unschedulable"] = True
    plain = copy.deepcopy(world.node)
    plain["metadata"]["name"], plain["spec"]["unschedulable"] = "plain", False
    plain["status"]["allocatable"].pop("nvidia.com/gpu")
    world.answers["/api/v1/nodes"]["items"] = [world.node, plain]
    cause = world.answer()
    assert (cause.situation, "uncordon lab" in cause.cure) == ("nodes-cordoned", True)


def test_a_pool_without_gpus_among_nodes_of_another_system_is_told_to_get_linux_nodes() -> None:
    world = World()
    world.unplaced("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.")
    world.template["nodeSelector"] = {"kubernetes.io/os": "linux"}
    world.node["metadata"]["labels"]["kubernetes.io/os"] = "windows"
    world.answers["/api/v1/nodes"]["items"] = [world.node]
    cause = world.answer()
    assert (cause.situation, cause.cure) == (
        "selector-matches-no-node",
        "add Linux nodes: a pool without GPUs runs on no others",
    )


def test_a_claim_that_no_volume_fits_is_told_as_one_without_a_volume() -> None:
    world = World()
    world.unplaced("0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind. preemption: "
                   "0/2 nodes are available: 2 Preemption is not helpful for scheduling.")  # fmt: skip
    assert world.answer().situation == "cache-unbound"


def test_a_scope_that_is_the_whole_instance_is_told_apart_from_none() -> None:
    world = World()
    assert FactsReader(world).scope(NAMESPACE) == "mlops/tests"
    world.answers[f"{REGISTRAR}/forge"]["scopes"][0]["scope"] = ""
    assert FactsReader(world).scope(NAMESPACE) == ""
    world.answers[f"{REGISTRAR}/forge"]["scopes"] = []
    assert FactsReader(world).scope(NAMESPACE) is None
    world.no_registrar()
    assert FactsReader(world).scope(NAMESPACE) is None
