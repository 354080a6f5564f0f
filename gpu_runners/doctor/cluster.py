"""What the API server is asked: nodes, quotas, namespaces, rights. A review of rights leaves nothing behind."""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from lightkube.utils.quantity import parse_quantity

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError, ClusterRefusedError
from access.cluster.namespaces import namespace_problem
from access.cluster.version import read_version, require_version
from gpu_runners.doctor.core.extras import default_priority, pull_secrets
from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown, wrong
from gpu_runners.doctor.core.nodes import Need, node, room
from gpu_runners.doctor.core.quota import granted, used_by
from gpu_runners.doctor.core.quota_scopes import Wish, by_wishes, wanted
from gpu_runners.doctor.core.rights import Right, judged
from gpu_runners.doctor.core.selection import CLUSTER_AUTOSCALER, KARPENTER

PRIORITY_CLASSES: Final = "/apis/scheduling.k8s.io/v1/priorityclasses"
NAMES_ALONE: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# A kubelet reads no other, and says nothing (kubernetes.io/docs/concepts/configuration/secret/#docker-config-secrets).
OF_OTHER_TYPES: Final = {"fieldSelector": "type!=kubernetes.io/dockerconfigjson,type!=kubernetes.io/dockercfg"}
REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class ClusterChecks:
    """Findings about the cluster behind a connection."""

    def __init__(self, cluster: ClusterConnection) -> None:
        self._cluster = cluster

    def nodes(self, needs: Sequence[Need]) -> Iterator[Finding]:
        """Whether each pool's pods fit on a node."""
        try:
            nodes = [node(item, _amount) for item in self._cluster.items("/api/v1/nodes")]
        except ClusterError as error:
            cure = "let somebody who may list nodes run this: a deployer may not"
            yield unknown("nodes", f"they cannot be listed: {error.problem.found}", cure)
            return
        autoscalers = self._autoscalers()
        for need in needs:
            yield room(need, nodes, autoscalers)

    def _autoscalers(self) -> list[str]:
        """Those that leave a trace that this identity may see."""
        traces = {
            KARPENTER: "/apis/karpenter.sh/v1/nodepools",
            CLUSTER_AUTOSCALER: "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status",
        }
        return [name for name, path in traces.items() if self._is_there(path)]

    def _is_there(self, path: str) -> bool:
        try:
            return self._cluster.find(path) is not None
        except ClusterError:
            return False

    def quota(self, namespace: str, wishes: Sequence[Wish], *, declared: bool) -> Iterator[Finding]:
        """Whether the namespace's quotas let the stack's pools in, beside what others use of them.

        wishes: of the stack's pools there; declared: this very stack makes the namespace.
        """
        check = f"quota of {namespace}"
        try:
            quotas = list(self._cluster.items(f"/api/v1/namespaces/{namespace}/resourcequotas"))
            if not quotas and not declared:
                self._cluster.get(f"/api/v1/namespaces/{namespace}")
        except ClusterError as error:
            yield _without_quota(check, error, namespace)
            return
        if not quotas and declared:
            yield ok(check, "this stack makes the namespace and its quota, which grants what its pools want")
            return
        for counted, listed in by_wishes(quotas, wishes):
            own = self._used_by(namespace, [wish.pool for wish in counted])
            yield granted(check, wanted(counted), listed, _amount, own)

    def _used_by(self, namespace: str, pools: Container[str]) -> dict[str, Decimal] | None:
        """What these pools use already; None where nobody may look."""
        try:
            return used_by(self._cluster.items(f"/api/v1/namespaces/{namespace}/pods"), pools, _amount)
        except ClusterError:
            return None

    def registrar(self, namespace: str, config_map: str) -> Finding:
        """Whether a platform has made the namespace one that may have runners."""
        check = f"platform of {namespace}"
        try:
            trust = self._cluster.find(f"/api/v1/namespaces/{namespace}/configmaps/{config_map}")
        except ClusterError as error:
            return unknown(check, error.problem.found, "use a kubeconfig that may read ConfigMaps there")
        if trust is None:
            cure = f"bring up the stack whose platform has {namespace} among its environments first"
            return failed(check, f"no registrar serves the namespace {namespace}", cure)
        return ok(check, "a registrar serves the namespace")

    def namespaces(self, names: Sequence[str], stack: str) -> Iterator[Finding]:
        """Whether those that the stack makes are not there yet, or its own."""
        for name in names:
            try:
                problem = namespace_problem(self._cluster, name, stack)
            except ClusterError as error:
                cure = f"`kubectl get namespace {name}` shows whether it is there"
                yield unknown(f"namespace {name}", error.problem.found, cure)
                continue
            yield wrong("namespaces", problem) if problem else ok(f"namespace {name}", "free, or this stack's own")

    def default_priority(self, granted: Mapping[str, Sequence[str]]) -> Finding:
        """Whether each namespace admits the cluster's default PriorityClass; granted: the classes by namespace."""
        try:
            return default_priority(self._cluster.items(PRIORITY_CLASSES), granted)
        except ClusterError as error:
            cure = "`kubectl get priorityclasses` shows whether one is the default"
            return unknown("default PriorityClass", f"they cannot be listed: {error.problem.found}", cure)

    def pull_secrets(self, namespace: str, names: Sequence[str]) -> Finding:
        """Whether they are there, and pull Secrets; nothing of their contents is read."""
        path = f"/api/v1/namespaces/{namespace}/secrets"
        try:
            there = {item["metadata"]["name"] for item in self._cluster.items(path, accept=NAMES_ALONE)}
            others = self._cluster.items(path, OF_OTHER_TYPES, accept=NAMES_ALONE)
            odd = {item["metadata"]["name"] for item in others}
        except ClusterError as error:
            cure = f"`kubectl --namespace {namespace} get secrets` shows whether they are there"
            return unknown(f"pull Secrets of {namespace}", error.problem.found, cure)
        missing = [name for name in names if name not in there]
        return pull_secrets(namespace, names, missing, [name for name in names if name in odd])

    def rights(self, place: str, rights: Sequence[Right]) -> Finding:
        """Whether this identity has all of them."""
        check = f"rights in {place}"
        try:
            refused = [right for right in rights if not self._may(right)]
        except ClusterError as error:
            return unknown(check, error.problem.found, "run `kubectl auth can-i --list` with the same kubeconfig")
        return judged(check, rights, refused)

    def _may(self, right: Right) -> bool:
        attributes = {"verb": right.verb, "group": right.group, "resource": right.resource}
        attributes |= {"namespace": right.namespace, "name": right.name}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        body = json.dumps({**review, "spec": {"resourceAttributes": attributes}})
        return bool(self._cluster.send("POST", REVIEWS, body=body)["status"]["allowed"])


def version(choice: ClusterChoice) -> Finding:
    """Whether there is a cluster, and one that is new enough."""
    check = "cluster"
    try:
        number = read_version(choice)
        require_version(number)
    except ClusterError as error:
        return failed(check, error.problem.found, error.problem.cure)
    return ok(check, f"Kubernetes {number}")


def _without_quota(check: str, error: ClusterError, namespace: str) -> Finding:
    if isinstance(error, ClusterRefusedError) and error.status == 404:
        cure = "bring up the platform stack that has it among its environments first"
        return failed(check, f"there is no namespace {namespace}", cure)
    return unknown(check, f"it cannot be read: {error.problem.found}", "ask an administrator of the cluster")


def _amount(text: str) -> Any:
    return parse_quantity(text)
