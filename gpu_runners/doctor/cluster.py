"""What the API server is asked: nodes, quotas, namespaces, rights. A review of rights leaves nothing behind."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import httpx2
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.core.exceptions import ConfigError
from lightkube.utils.quantity import parse_quantity

from access.cluster import ClusterAccessError, ClusterChoice, read_choice, read_version, require_version
from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown
from gpu_runners.doctor.core.nodes import Need, Node, node, room
from gpu_runners.doctor.core.quota import granted
from gpu_runners.doctor.core.rights import Right, judged

TIMEOUT_SECONDS: Final = 15.0
PAGE: Final = 500
REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class _UnansweredError(Exception):
    """No answer; status 0 where there was none at all."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Cluster:
    """One cluster. Use as a context manager, from one thread."""

    def __init__(self, choice: ClusterChoice) -> None:
        self._http = Client(read_choice(choice), ConnectionParams(timeout=httpx2.Timeout(TIMEOUT_SECONDS)))

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def nodes(self, needs: Sequence[Need]) -> Iterator[Finding]:
        """Whether each pool's pods fit on a node."""
        try:
            found = list(self._nodes())
        except _UnansweredError as error:
            cure = "let somebody who may list nodes run this: a deployer may not"
            yield unknown("nodes", f"they cannot be listed: {error}", cure)
            return
        for need in needs:
            yield room(need, found)

    def quota(self, namespace: str, wanted: Mapping[str, int], *, declared: bool) -> Finding:
        """Whether the namespace's quota lets the stack's pools in. declared: this very stack makes the namespace."""
        check = f"quota of {namespace}"
        try:
            quotas = self._get(f"/api/v1/namespaces/{namespace}/resourcequotas")["items"]
            if not quotas and not declared:
                self._get(f"/api/v1/namespaces/{namespace}")
        except _UnansweredError as error:
            return _without_quota(check, error, namespace)
        if not quotas and declared:
            return ok(check, "this stack makes the namespace and its quota, which grants what its pools want")
        return granted(check, wanted, quotas, _amount)

    def registrar(self, namespace: str, config_map: str) -> Finding:
        """Whether a platform has made the namespace one that may have runners."""
        check = f"platform of {namespace}"
        try:
            self._get(f"/api/v1/namespaces/{namespace}/configmaps/{config_map}")
        except _UnansweredError as error:
            if error.status == 404:
                cure = f"bring up the stack whose platform has {namespace} among its environments first"
                return failed(check, f"no registrar serves the namespace {namespace}", cure)
            return unknown(check, str(error), "use a kubeconfig that may read ConfigMaps there")
        return ok(check, "a registrar serves the namespace")

    def rights(self, place: str, wanted: Sequence[Right]) -> Finding:
        """Whether this identity has all of them."""
        check = f"rights in {place}"
        try:
            refused = [right for right in wanted if not self._may(right)]
        except _UnansweredError as error:
            return unknown(check, str(error), "run `kubectl auth can-i --list` with the same kubeconfig")
        return judged(check, wanted, refused)

    def _may(self, right: Right) -> bool:
        attributes = {"verb": right.verb, "group": right.group, "resource": right.resource}
        attributes |= {"namespace": right.namespace, "name": right.name}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        answer = self._ask("POST", REVIEWS, json={**review, "spec": {"resourceAttributes": attributes}})
        return bool(answer["status"]["allowed"])

    def _nodes(self) -> Iterator[Node]:
        parameters = {"limit": str(PAGE)}
        while True:
            page = self._get("/api/v1/nodes", parameters)
            yield from (node(item, _amount) for item in page["items"])
            parameters["continue"] = page["metadata"].get("continue", "")
            if not parameters["continue"]:
                return

    def _get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        return self._ask("GET", path, params=dict(parameters or {}))

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._http.request(method, path, **more)
        except (httpx2.HTTPError, ConfigError) as error:
            raise _UnansweredError(f"{error or type(error).__name__}") from error
        if not answer.is_success:
            raise _UnansweredError(_message(answer), answer.status_code)
        return answer.json()


def version(choice: ClusterChoice) -> Finding:
    """Whether there is a cluster, and one that is new enough."""
    check = "cluster"
    try:
        found = read_version(choice)
        require_version(found)
    except ClusterAccessError as error:
        what, _, cure = str(error).partition(". ")
        return failed(check, what, cure.removesuffix("; nothing was changed") or "see the kubeconfig")
    return ok(check, f"Kubernetes {found}")


def _without_quota(check: str, error: _UnansweredError, namespace: str) -> Finding:
    if error.status == 404:
        cure = "bring up the platform stack that has it among its environments first"
        return failed(check, f"there is no namespace {namespace}", cure)
    return unknown(check, f"it cannot be read: {error}", "ask an administrator of the cluster")


def _amount(text: str) -> Any:
    return parse_quantity(text)


def _message(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:200]}"
