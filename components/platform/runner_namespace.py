"""RunnerNamespace: one trust zone, i.e. one namespace in which runners of one forge scope may run."""

from typing import Final, NotRequired, Optional, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from components.labels import object_labels, object_metadata
from components.platform.cache_claims import declare_claims
from components.platform.namespace import declare_namespace
from components.platform.network_policies import deny_all, runner_egress
from components.platform.pull_secrets import declare_pull_secrets
from components.platform.runner_admission import RunnerAdmission
from values.accounts import RUNNER
from values.cache import Claim
from values.egress import EgressRule
from values.placement import KNOWN_RESOURCES
from values.pod_extras import PodExtras

# What who may deploy writes, and the API server has to keep: without a bound, one loop fills etcd for everybody. A pool
# is a Deployment with the ReplicaSets of its last revisions, a stack is a ConfigMap.
MOST_OBJECTS: Final = {"deployments.apps": 200, "replicasets.apps": 1000, "configmaps": 50}


SCALED_OBJECTS: Final = "count/scaledobjects.keda.sh"
MOST_SCALED_OBJECTS: Final = 500
DAEMON_SETS: Final = "count/daemonsets.apps"
MOST_DAEMON_SETS: Final = 50  # each has a pod on every node that it names


class RunnerNamespaceArgs(TypedDict):
    """What a namespace grants at most."""

    namespace: str
    """Its name."""
    gpus: dict[str, int]
    """Most devices of each resource, Terminating pods included: pools and spare. Vendors not named get none."""
    pods: int
    """Most pods."""
    cpu: str
    """Most CPU that all pods may request together, as a Kubernetes quantity."""
    memory: str
    """Most memory of all pods together."""
    ephemeral_storage: str
    """Most of the nodes' disks that all pods may fill together."""
    runner_protect_job_seconds: int
    """The longest that a deleted runner may go on with its job."""
    runner_ephemeral_storage: str
    """Most of a node's disk that one runner may fill."""
    pod_security_version: str
    """The version of the `restricted` profile, e.g. `v1.35`: pinned, so that an upgrade cannot break a running pool."""
    registrar_namespace: str
    """Where the registrar answers."""
    egress: list[EgressRule]
    """Destinations inside the blocked ranges that runners need."""
    blocked_cidrs: list[str]
    """Ranges that are no internet: the cluster's, the private ones, the cloud's metadata address."""
    dns_cidrs: list[str]
    """Networks in which the cluster's DNS may answer."""
    accounts: list[str]
    """ServiceAccounts that pods may run as."""
    job_credentials: bool
    """Whether jobs may ask the registrar for a token of an account."""
    images: list[str]
    """Images that pods may run, or what their names begin with up to a `/`; empty for any."""
    image_tags_allowed: bool
    """Whether an image may lack a digest."""
    labels: list[str]
    """Runner labels that pods may have; empty for any but the reserved ones."""
    reserved_labels: list[str]
    """Runner labels that serve other namespaces."""
    queue_url: NotRequired[str]
    """Where the autoscaler of its pools reads the queue; "" where nothing may scale them."""
    prepull: NotRequired[bool]
    """Whether its pools may have their images pulled ahead."""
    extras: PodExtras
    """What pods may have beyond what every pool has."""
    claims: NotRequired[list[Claim]]
    """PersistentVolumeClaims that are caches."""
    made_pull_secrets: NotRequired[dict[str, pulumi.Input[str]]]
    """Of the pull Secrets among the extras, those that are made here: name and content, a `.dockerconfigjson`."""


def pod_security_labels(version: str) -> dict[str, str]:
    """Labels that make the API server refuse whatever is not `restricted`."""
    modes = ("enforce", "audit", "warn")
    return {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in modes} | {
        f"pod-security.kubernetes.io/{mode}-version": version for mode in modes
    }


def hard_limits(args: RunnerNamespaceArgs) -> dict[str, str]:
    """The quota: every known vendor's GPUs are capped, at zero where nothing is granted.

    A quota has no pattern for resources: what else a node offers, the admission policy refuses.
    """
    gpus = dict.fromkeys(KNOWN_RESOURCES, 0) | args["gpus"]
    return {
        **{f"requests.{resource}": str(int(count)) for resource, count in sorted(gpus.items())},
        "pods": str(int(args["pods"])),
        "requests.cpu": args["cpu"],
        "requests.memory": args["memory"],
        "limits.memory": args["memory"],
        "limits.ephemeral-storage": args["ephemeral_storage"],
        **{f"count/{resource}": str(count) for resource, count in MOST_OBJECTS.items()},
        **({SCALED_OBJECTS: str(MOST_SCALED_OBJECTS)} if args.get("queue_url") else {}),
        **({DAEMON_SETS: str(MOST_DAEMON_SETS)} if args.get("prepull") else {}),
    }


class RunnerNamespace(pulumi.ComponentResource):
    """A namespace that enforces `restricted`, caps GPUs, admits no pods but runners', denies all traffic but some.

    Its ServiceAccount `runner` has no rights and mounts no token.
    """

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: RunnerNamespaceArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:RunnerNamespace", name, {}, opts)
        labels = {**object_labels("runners"), **pod_security_labels(args["pod_security_version"])}
        namespace = declare_namespace(name, args["namespace"], labels, self)
        self.namespace = namespace.metadata["name"]
        RunnerAdmission(
            f"{name}-admission",
            {
                "namespace": args["namespace"],
                "accounts": args["accounts"],
                "job_credentials": args["job_credentials"],
                "images": args["images"],
                "image_tags_allowed": args["image_tags_allowed"],
                "labels": args["labels"],
                "reserved_labels": args["reserved_labels"],
                "gpus": args["gpus"],
                "protect_job_seconds": args["runner_protect_job_seconds"],
                "ephemeral_storage": args["runner_ephemeral_storage"],
                "extras": args["extras"],
                "queue_url": args.get("queue_url", ""),
                "prepull": args.get("prepull", False),
            },
            # Nothing in the namespace makes it wait, and it may be that of another stack, whose namespace is refused.
            pulumi.ResourceOptions(parent=self, depends_on=[namespace]),
        )
        declare_claims(name, self.namespace, args.get("claims", []), self)
        declare_pull_secrets(name, "runners", self.namespace, args.get("made_pull_secrets", {}), self)
        self._declare_limits(name, args)
        self.register_outputs({"namespace": self.namespace})

    def _declare_limits(self, name: str, args: RunnerNamespaceArgs) -> None:
        child = pulumi.ResourceOptions(parent=self)
        k8s.core.v1.ResourceQuota(
            f"{name}-gpus", metadata=self._metadata("gpus"), spec={"hard": hard_limits(args)}, opts=child
        )
        k8s.networking.v1.NetworkPolicy(
            f"{name}-deny-all", metadata=self._metadata("deny-all"), spec=deny_all(), opts=child
        )
        k8s.networking.v1.NetworkPolicy(
            f"{name}-runner-egress",
            metadata=self._metadata("runner-egress"),
            spec=runner_egress(args["registrar_namespace"], args["egress"], args["blocked_cidrs"], args["dns_cidrs"]),
            opts=child,
        )
        k8s.core.v1.ServiceAccount(
            f"{name}-runner",
            metadata=self._metadata(RUNNER),
            automount_service_account_token=False,
            opts=child,
        )

    def _metadata(self, name: str) -> k8s.meta.v1.ObjectMetaArgsDict:
        return object_metadata("runners", name, self.namespace)
