"""What cannot heal by itself is named with its cause and its cure, and nothing else is."""

import pytest

from access.online.diagnosis import diagnose, readable, remarks
from access.online.snapshot import ContainerSnapshot, EventSnapshot, PodSnapshot, PoolSnapshot
from tests.access.online.test_progress import (
    GPU_IN_USE,
    NO_NODE,
    QUOTA,
    TOO_MANY,
    finishing,
    former,
    online,
    pool,
    starting,
    waiting,
)


def in_image_trouble(reason: str) -> PodSnapshot:
    return starting(runner=ContainerSnapshot("waiting", reason, "lab.local/nosuch:1 not found"))


def refused() -> PodSnapshot:
    text = 'registration refused (403): {"reason": "NotGranted", "message": "namespace dev is not granted"}'
    container = ContainerSnapshot("waiting", "CrashLoopBackOff", "back-off", 1, text)
    return starting(registration=container)


def registration_died(exit_code: int, message: str) -> PodSnapshot:
    return starting(registration=ContainerSnapshot("waiting", "CrashLoopBackOff", "back-off", exit_code, message))


def pod_with_events(*reasons: str) -> PodSnapshot:
    events = tuple(EventSnapshot(reason, f"because of {reason}", str(index)) for index, reason in enumerate(reasons))
    return starting(events=events, registration=ContainerSnapshot("running"))


def broken(reason: str, exit_code: int, message: str) -> PodSnapshot:
    return PodSnapshot("x", phase="Failed", runner=ContainerSnapshot("terminated", reason, "", exit_code, message))


def ended(name: str = "x", *, was_online: bool = False) -> PodSnapshot:
    runner = ContainerSnapshot("terminated", "Error", "", 78, "image contract: the image has no 'sleep'")
    return PodSnapshot(name, phase="Failed", runner=runner, online=was_online)


NO_SHELL = 'failed to create containerd task: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown'
UNBOUND = (
    "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are available: 3 "
    "Preemption is not helpful for scheduling."
)
NO_CLAIM = UNBOUND.replace(
    "pod has unbound immediate PersistentVolumeClaims", 'persistentvolumeclaim "models" not found'
)
ELSEWHERE = UNBOUND.replace(
    "pod has unbound immediate PersistentVolumeClaims", "3 node(s) had volume node affinity conflict"
)
NO_VOLUME = ELSEWHERE.replace("had volume node affinity conflict", "didn't find available persistent volumes to bind")
SICK = [
    (pool(1, waiting(message=ELSEWHERE)), "placement", "volume node affinity", "the pool's cache lies on a node"),
    (pool(1, waiting(message=NO_VOLUME)), "placement", "didn't find", "no volume fits the claim of the pool's cache"),
    (pool(1, exists=False), "gone", "does not exist", "pulumi refresh"),
    (pool(1, waiting(message=NO_NODE)), "placement", "fits no node", "gpu.nodeSelector"),
    (pool(1, waiting(message=NO_NODE)), "placement", "fits no node", "gpu.tolerations"),
    (pool(1, waiting(message=TOO_MANY)), "placement", "Insufficient nvidia.com/gpu", "no more nvidia.com/gpu than one"),
    (pool(1, waiting(message="no nodes available to schedule pods")), "placement", "no nodes", "kubectl get nodes"),
    (pool(1, creation_failure=QUOTA), "quota", "exceeded quota", "raise the environment's quota"),
    (pool(1, creation_failure='serviceaccount "runner" not found'), "creation", "serviceaccount", "platform stack"),
    (pool(1, creation_failure="maximum cpu usage per Pod is 1, but limit is 2"), "creation", "usage", "limitranges"),
    (
        pool(1, creation_failure='RuntimeClass "nvidia" not found'),
        "creation",
        "nvidia",
        "`runtimeClassName` of the pool",
    ),
    (pool(1, creation_failure="no PriorityClass with name a was found"), "creation", "name a", "`priorityClassName`"),
    (pool(1, in_image_trouble("ErrImagePull")), "image", "nosuch", "correct `image`"),
    (pool(1, in_image_trouble("ImagePullBackOff")), "image", "nosuch", "registry"),
    (pool(1, in_image_trouble("ErrImageNeverPull")), "image", "nosuch", "correct `image`"),
    (pool(1, in_image_trouble("InvalidImageName")), "image", "nosuch", "correct `image`"),
    (pool(1, in_image_trouble("CreateContainerError")), "container", "nosuch", "kubectl describe pod"),
    (pool(1, refused()), "registration", "NotGranted: namespace dev is not granted", "must declare this namespace"),
    (pool(1, registration_died(1, "curl: (6) Could not resolve host: registrar")), "registration", "(6)", "DNS"),
    (pool(1, registration_died(127, "sh: curl: not found")), "registration", "curl", "`runnerImage`"),
    (pool(1, registration_died(1, "")), "registration", "exit code 1", "-c registration --previous"),
    (pool(1, pod_with_events("RegistrationRefused")), "registration", "because of", "must grant this namespace"),
    (pool(1, pod_with_events("RegistrationBraked")), "brake", "held back: because of", "kubectl logs"),
    (pool(1, ended()), "end", "exit code 78: image contract: the image has no 'sleep'", "correct the pool's image"),
    (
        pool(1, broken("StartError", 128, NO_SHELL)),
        "end",
        "/bin/sh: no such file",
        "use an image with a shell, /bin/sh",
    ),
    (pool(1, broken("OOMKilled", 137, "")), "end", "exit code 137", "raise `memory` of the pool"),
]


@pytest.mark.parametrize(("state", "kind", "cause", "cure"), SICK)
def test_what_cannot_heal_is_named_with_cause_and_cure(state: PoolSnapshot, kind: str, cause: str, cure: str) -> None:
    (found,) = diagnose(state)
    assert found.kind == kind
    assert cause in found.cause
    assert cure in found.cure


def test_an_unknown_registrar_is_the_platform_stacks_to_declare() -> None:
    text = 'MountVolume.SetUp failed for volume "registrar-trust" : configmap "registrar" not found'
    (cause,) = diagnose(pool(1, starting(events=(EventSnapshot("FailedMount", text),))))
    assert cause.kind == "trust"
    assert "platform stack" in cause.cure


HEALTHY = [
    ("online", pool(1, online())),
    ("starting", pool(1, starting())),
    ("nothing yet", pool(1)),
    ("GPU in use by others", pool(1, waiting(message=GPU_IN_USE))),
    ("the claim of a cache is not bound yet", pool(1, waiting(message=UNBOUND))),
    ("the claim of a cache is not there yet", pool(1, waiting(message=NO_CLAIM))),
    ("a node is coming", pool(1, PodSnapshot("a", phase="Pending", scheduled=False))),
    ("quota held by one that leaves", pool(1, former(terminating=True), creation_failure=QUOTA)),
    ("quota held by one that finishes", pool(2, finishing(), starting(), creation_failure=QUOTA)),
    ("braked, then issued", pool(1, pod_with_events("RegistrationBraked", "RegistrationIssued"))),
    ("failed after it had been online", pool(1, ended(was_online=True), starting())),
    ("trouble of the former template", pool(1, former(), starting())),
    ("refused once, running now", pool(1, starting(registration=ContainerSnapshot("terminated", exit_code=0)))),
]


@pytest.mark.parametrize("state", [row[1] for row in HEALTHY], ids=[row[0] for row in HEALTHY])
def test_what_heals_by_itself_is_no_diagnosis(state: PoolSnapshot) -> None:
    assert diagnose(state) == ()


def test_a_pod_that_an_autoscaler_brings_a_node_for_fits() -> None:
    pod = PodSnapshot(
        "a",
        phase="Pending",
        scheduled=False,
        scheduling_message=NO_NODE,
        events=(EventSnapshot("TriggeredScaleUp", "pod triggered scale-up"),),
    )
    assert diagnose(pool(1, pod)) == ()


def test_pods_that_failed_before_the_wait_say_nothing_about_it() -> None:
    state = pool(1, ended("old"), starting())
    assert diagnose(state, frozenset({"old"})) == ()
    assert len(diagnose(state)) == 1


def test_a_wait_that_runs_out_of_time_says_what_is_known_of_each_pod() -> None:
    state = pool(3, waiting(), pod_with_events("RegistrationBraked"), starting("z"))
    assert remarks(state) == [
        f"c: {GPU_IN_USE}",
        "b: RegistrationBraked: because of RegistrationBraked",
        "z: no reason known",
    ]


def test_what_a_wait_knows_is_of_the_pods_that_it_still_waits_for() -> None:
    told = EventSnapshot("RegistrationBraked", "because")
    for other in (
        online(events=(told,)),
        ended(),
        finishing(),
        starting(terminating=True),
        former(),
        starting(current=False),
    ):
        assert remarks(pool(2, other)) == []
    assert remarks(pool(1, starting(events=(told,)))) == ["b: RegistrationBraked: because"]


def test_a_pod_without_a_node_is_remarked_with_what_a_node_autoscaler_says() -> None:
    told = EventSnapshot("TriggeredScaleUp", "gpu 0->1", "1")
    pod = starting(scheduled=False, scheduling_message=NO_NODE, events=(told,))
    assert remarks(pool(1, pod)) == [f"b: {NO_NODE}; TriggeredScaleUp: gpu 0->1"]


GRACES = {
    "placement": (pool(1, waiting(message=NO_NODE)), 20),
    "gone": (pool(1, exists=False), 2),
    "quota": (pool(1, creation_failure=QUOTA), 10),
    "creation": (pool(1, creation_failure="serviceaccount"), 10),
    "image": (pool(1, in_image_trouble("InvalidImageName")), 2),
    "container": (pool(1, in_image_trouble("RunContainerError")), 15),
    "registration": (pool(1, refused()), 15),
    "brake": (pool(1, pod_with_events("RegistrationBraked")), 5),
    "end": (pool(1, ended()), 8),
}


@pytest.mark.parametrize("kind", GRACES)
def test_each_diagnosis_counts_only_after_its_own_grace(kind: str) -> None:
    state, grace = GRACES[kind]
    assert [(found.kind, found.pool, found.grace) for found in diagnose(state)] == [(kind, "cuda", grace)]


def test_an_image_that_may_still_come_has_more_time_than_one_that_cannot() -> None:
    graces = {
        reason: diagnose(pool(1, in_image_trouble(reason)))[0].grace for reason in ("ErrImagePull", "InvalidImageName")
    }
    assert graces == {"ErrImagePull": 15, "InvalidImageName": 2}


def test_a_refusal_that_the_registrar_only_told_has_the_same_grace() -> None:
    (found,) = diagnose(pool(1, pod_with_events("RegistrationRefused")))
    assert (found.kind, found.grace) == ("registration", 15)


def test_long_texts_keep_their_end() -> None:
    text = readable("x" * 1000 + "the end")
    assert len(text) == 400
    assert text.endswith("the end")
