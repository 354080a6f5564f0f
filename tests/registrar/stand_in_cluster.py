"""A stand-in for an API server: pods, their status, watches, Events and signing keys, over real HTTP.

It answers what the registrar asks and nothing else, and it signs tokens as a cluster does. It is no cluster: what only
a real one can prove is tested on the lab.
"""

import asyncio
import json
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from values import contract

DEEP = "nested five thousand times"  # an API server takes twice as much
ISSUER = "https://kubernetes.default.svc"
SIGNING_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)  # one for all tests: making it takes long


def stamp(seconds_ago: float = 0.0) -> str:
    """A Kubernetes timestamp."""
    return datetime.fromtimestamp(time.time() - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class StandInCluster:
    """Its state is open to the test: `pods`, `deployments`, `events`; `away` makes every request fail."""

    def __init__(self) -> None:
        self.key = SIGNING_KEY
        self.key_id = "key-1"
        self.pods: dict[tuple[str, str], dict[str, Any]] = {}
        self.deployments: dict[tuple[str, str], dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str]] = []
        self.deleted: list[str] = []
        self.graces: list[int | None] = []  # of the deletions: the grace periods that were asked for
        self.minted: list[tuple[str, str, dict[str, Any]]] = []  # namespace, account, spec of each token that was made
        self.version = 10
        self.oldest_version = 0
        self.away = False
        self.unreadable: set[str] = set()  # namespaces whose pods are refused
        self.odd: set[str] = set()  # names of pods whose changes are answered with what is no pod
        self.garbled: bytes | None = None  # what every request is answered with
        self.most_changing = self._changing = 0  # changes of pods at the same time
        self.silent = False  # watches stay open and say nothing more, as after a peer that vanished
        self.clock_ahead = 0.0  # seconds, of the clock that stamps tokens
        self.lists: list[str] = []  # namespaces of the lists that were answered
        self._history: list[tuple[int, str, dict[str, Any]]] = []
        self._news = asyncio.Condition()
        self.watched: Counter[str] = Counter()  # how many watches are open, by kind
        self._watches: set[asyncio.Task[Any]] = set()
        self._ended: set[asyncio.Task[Any]] = set()
        self._deaf: set[asyncio.Task[Any]] = set()

    # --- what a test does to it

    async def put(self, pod: dict[str, Any], change: str = "MODIFIED") -> None:
        """Store a pod or a Deployment and tell the watches. What is gone is not changed: nothing rises again."""
        key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        there = self.deployments if pod["kind"] == "Deployment" else self.pods
        assert change != "MODIFIED" or key in there, f"{change} of {key}, which is not there"
        self.version += 1
        pod["metadata"]["resourceVersion"] = str(self.version)
        if change == "DELETED":
            there.pop(key, None)
        else:
            there[key] = pod
        self._history.append((self.version, change, json.loads(json.dumps(pod))))
        async with self._news:
            self._news.notify_all()

    async def create(self, pod: dict[str, Any]) -> None:
        await self.put(pod, "ADDED")

    async def declare(self, name: str = "cuda", **changes: Any) -> None:
        """A pool's Deployment."""
        await self.put(pool_deployment(name, **changes), "ADDED")

    async def undeclare(self, name: str = "cuda", namespace: str = "runners") -> None:
        await self.put(self.deployments[namespace, name], "DELETED")

    async def vanish(self, namespace: str, name: str) -> None:
        await self.put(self.pods[namespace, name], "DELETED")

    async def end_watches(self) -> None:
        """End every watch in good order, as an API server does every few minutes."""
        self._ended |= self._watches
        async with self._news:
            self._news.notify_all()

    def lose_watches(self) -> None:
        """Those that are open stay open and say nothing more, as after a peer that vanished; later ones do."""
        self._deaf |= self._watches

    def break_watches(self, *, forget_history: bool = False) -> None:
        """End every watch; with `forget_history` older versions answer 410 Gone afterwards."""
        if forget_history:
            self.oldest_version = self.version + 1
            self.version += 2
        for task in list(self._watches):
            task.cancel()

    def token(self, pod: dict[str, Any] | None, **changes: Any) -> str:
        """A projected token of this pod; `changes` replaces claims, and `key` and `kid` the signature's."""
        key, kid = changes.pop("key", self.key), changes.pop("kid", self.key_id)
        namespace = pod["metadata"]["namespace"] if pod else "runners"
        account = pod["spec"]["serviceAccountName"] if pod else "runner"
        bound: dict[str, Any] = {"namespace": namespace, "serviceaccount": {"name": account, "uid": "sa"}}
        if pod:
            bound["pod"] = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
        now = int(time.time()) + int(self.clock_ahead)
        claims = {
            "iss": ISSUER,
            "aud": [contract.TOKEN_AUDIENCE],
            "sub": f"system:serviceaccount:{namespace}:{account}",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "kubernetes.io": bound,
            **changes,
        }
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})

    def reasons(self) -> list[str]:
        """Reasons of the Events so far."""
        return [event["reason"] for event in self.events]

    # --- what the registrar asks of it

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._gate])
        application.router.add_get("/.well-known/openid-configuration", self._discovery)
        application.router.add_get("/openid/v1/jwks", self._jwks)
        pods = "/api/v1/namespaces/{namespace}/pods"
        application.router.add_get(pods, self._list)
        application.router.add_get("/apis/apps/v1/namespaces/{namespace}/deployments", self._list)
        application.router.add_get(pods + "/{name}", self._get)
        application.router.add_delete(pods + "/{name}", self._delete)
        application.router.add_patch(pods + "/{name}/status", self._patch_status)
        accounts = "/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        application.router.add_post(accounts, self._mint)
        application.router.add_post("/api/v1/namespaces/{namespace}/events", self._create_event)
        application.router.add_patch("/api/v1/namespaces/{namespace}/events/{name}", self._patch_event)
        return application

    @web.middleware
    async def _gate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        if self.away:
            return _status(503, "ServiceUnavailable")
        if self.garbled is not None:
            return web.Response(body=self.garbled, headers={"Content-Type": "application/json"})
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _discovery(self, request: web.Request) -> web.Response:
        return web.json_response({"issuer": ISSUER})

    async def _jwks(self, request: web.Request) -> web.Response:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return web.json_response({"keys": [{**key, "kid": self.key_id, "alg": "RS256", "use": "sig"}]})

    def _of(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        there = self.deployments if kind == "Deployment" else self.pods
        return [it for (where, _), it in there.items() if where == namespace and _is_labelled(it)]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        namespace = request.match_info["namespace"]
        kind = "Deployment" if request.path.endswith("/deployments") else "Pod"
        assert request.query["labelSelector"] == contract.POOL_LABEL
        if namespace in self.unreadable:
            return _status(403, "Forbidden")
        if request.query.get("watch") == "true":
            return await self._watch(request, kind, namespace)
        if kind == "Pod":
            self.lists.append(namespace)
        metadata = {"resourceVersion": str(self.version)}
        return _answer({"kind": f"{kind}List", "metadata": metadata, "items": self._of(kind, namespace)})

    async def _watch(self, request: web.Request, kind: str, namespace: str) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        if since < self.oldest_version:
            gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
            await response.write(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
            return response
        task = asyncio.current_task()
        assert task is not None
        self._watches.add(task)
        self.watched[kind] += 1
        try:
            while task not in self._ended:
                for version, change, pod in self._news_since(since):
                    since = version
                    if pod["kind"] == kind and pod["metadata"]["namespace"] == namespace and _is_labelled(pod):
                        await response.write(as_go_writes({"type": change, "object": pod}) + b"\n")
                async with self._news:
                    while (self.version <= since or self.silent or task in self._deaf) and task not in self._ended:
                        await self._news.wait()
            return response
        finally:
            self.watched[kind] -= 1
            self._watches.discard(task)
            self._ended.discard(task)
            self._deaf.discard(task)

    def _news_since(self, version: int) -> list[tuple[int, str, dict[str, Any]]]:
        return [] if self.silent else [entry for entry in self._history if entry[0] > version]

    async def _get(self, request: web.Request) -> web.Response:
        pod = self.pods.get((request.match_info["namespace"], request.match_info["name"]))
        return _answer(pod) if pod else _status(404, "NotFound")

    async def _delete(self, request: web.Request) -> web.Response:
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        pod = self.pods.get((namespace, name))
        if pod is None:
            return _status(404, "NotFound")
        self.deleted.append(name)
        grace = request.query.get("gracePeriodSeconds")
        self.graces.append(None if grace is None else int(grace))
        if pod["status"].get("phase") in ("Succeeded", "Failed"):
            await self.vanish(namespace, name)
        else:
            pod["metadata"]["deletionTimestamp"] = stamp()
            await self.put(pod)
        return web.json_response({"kind": "Status", "status": "Success"})

    async def _patch_status(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/strategic-merge-patch+json"
        patch = await request.json()
        self._changing += 1
        self.most_changing = max(self.most_changing, self._changing)
        await asyncio.sleep(0.005)  # that etcd may take
        self._changing -= 1
        pod = self.pods.get((request.match_info["namespace"], request.match_info["name"]))
        if pod is None:
            return _status(404, "NotFound")
        if patch["metadata"]["uid"] != pod["metadata"]["uid"]:
            return _status(409, "Conflict")
        if pod["metadata"]["name"] in self.odd:
            return web.json_response({"kind": "Pod", "metadata": []})
        pod["metadata"].setdefault("annotations", {}).update(patch["metadata"].get("annotations", {}))
        conditions = {condition["type"]: condition for condition in pod["status"].get("conditions", [])}
        conditions.update({one["type"]: one for one in patch.get("status", {}).get("conditions", [])})
        pod["status"]["conditions"] = list(conditions.values())
        await self.put(pod)
        return _answer(pod)

    async def _mint(self, request: web.Request) -> web.Response:
        asked = await request.json()
        namespace, name, spec = request.match_info["namespace"], request.match_info["name"], asked["spec"]
        assert spec["expirationSeconds"] >= 600, "the API server makes none that lives for less"
        self.minted.append((namespace, name, spec))
        token = f"token-{len(self.minted)}-of-{name}"
        status = {"token": token, "expirationTimestamp": stamp(-float(spec["expirationSeconds"]))}
        return web.json_response({**asked, "status": status}, status=201)

    async def _create_event(self, request: web.Request) -> web.Response:
        event = await request.json()
        if any(known["metadata"]["name"] == event["metadata"]["name"] for known in self.events):
            return _status(409, "AlreadyExists")
        self.events.append(event)
        return web.json_response(event, status=201)

    async def _patch_event(self, request: web.Request) -> web.Response:
        asked = (request.match_info["namespace"], request.match_info["name"])
        for event in self.events:
            if (event["metadata"]["namespace"], event["metadata"]["name"]) == asked:
                event.update(await request.json())
                return _answer(event)
        return _status(404, "NotFound")


def pool_deployment(
    name: str = "cuda",
    *,
    namespace: str = "runners",
    runner_labels: str = "cml-gpu",
    most: int | None = None,
    idle: int | None = None,
    gpus: int = 0,
) -> dict[str, Any]:
    """A pool's Deployment, as far as the registrar reads it."""
    labels = {contract.POOL_LABEL: name}
    annotations = {} if most is None else {contract.MOST_RUNNERS_ANNOTATION: str(most)}
    annotations |= {} if idle is None else {contract.IDLE_SECONDS_ANNOTATION: str(idle)}
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    runner = {"name": contract.RUNNER_CONTAINER, "resources": {"limits": limits}}
    template = {"labels": labels, "annotations": {contract.RUNNER_LABELS_ANNOTATION: runner_labels}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": template, "spec": {"containers": [runner]}},
        },
    }


def runner_pod(name: str = "cuda-abc-aaaaa", **changes: Any) -> dict[str, Any]:
    """A runner's pod whose init container runs, as the API server shows it."""
    namespace = changes.pop("namespace", "runners")
    labels = {contract.POOL_LABEL: "cuda", "pod-template-hash": changes.pop("template_hash", "abc")}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": stamp(2),
            "labels": labels,
            "annotations": {contract.RUNNER_LABELS_ANNOTATION: changes.pop("runner_labels", "cml-gpu")},
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name.rsplit("-", 1)[0], "uid": "rs"}
            ],
        },
        "spec": {"serviceAccountName": changes.pop("service_account", "runner"), "containers": []},
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(1)}],
            "initContainerStatuses": [
                container(contract.REGISTRATION_CONTAINER, {"running": {"startedAt": stamp(1)}}),
            ],
            "containerStatuses": [container(contract.RUNNER_CONTAINER, {"waiting": {"reason": "PodInitializing"}})],
        },
    }


def container(name: str, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A container's status."""
    return {
        "name": name, "image": "image", "imageID": "", "ready": False, "restartCount": 0, "state": state, **more
    }  # fmt: skip


def start(pod: dict[str, Any], *, seconds_ago: float = 0.0) -> dict[str, Any]:
    """The kubelet starts the runner's container."""
    _be_older(pod, seconds_ago)
    pod["status"]["phase"] = "Running"
    pod["status"]["containerStatuses"] = [
        container(contract.RUNNER_CONTAINER, {"running": {"startedAt": stamp(seconds_ago)}})
    ]
    return pod


def end(pod: dict[str, Any], *, exit_code: int, ran: float = 1.0, message: str = "") -> dict[str, Any]:
    """The runner's container ends."""
    _be_older(pod, ran)
    terminated = {
        "exitCode": exit_code,
        "reason": "Completed" if exit_code == 0 else "Error",
        "message": message,
        "startedAt": stamp(ran),
        "finishedAt": stamp(),
    }
    pod["status"]["phase"] = "Succeeded" if exit_code == 0 else "Failed"
    pod["status"]["containerStatuses"] = [container(contract.RUNNER_CONTAINER, {"terminated": terminated})]
    return pod


def _be_older(pod: dict[str, Any], seconds: float) -> None:
    """No pod is younger than its containers."""
    metadata = pod["metadata"]
    metadata["creationTimestamp"] = min(metadata["creationTimestamp"], stamp(seconds + 2))


def as_go_writes(value: Any) -> bytes:
    """JSON as an API server writes it: escaped are quotes, control characters below a blank, and what ends a line for
    JavaScript; everything else stands there as it is. DEEP stands for an object that Python cannot write.
    """
    text = json.dumps(value, ensure_ascii=False).replace(f'"{DEEP}"', '{"f:a":' * 5000 + "{}" + "}" * 5000)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def _answer(value: Any) -> web.Response:
    return web.Response(body=as_go_writes(value), headers={"Content-Type": "application/json"})


def _is_labelled(pod: dict[str, Any]) -> bool:
    return contract.POOL_LABEL in pod["metadata"]["labels"]


def _status(code: int, reason: str) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": reason,
    }
    return web.Response(body=json.dumps(body).encode(), status=code, headers={"Content-Type": "application/json"})
