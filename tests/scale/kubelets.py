"""Plays the nodes: what kubelets write about pods, and what the runners in them do. No container runs."""

import asyncio
import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from registrar.actions import BUSY_DELETION_COST
from tests.registrar.stand_in_cluster import container, stamp
from tests.scale.forge_side import ForgeSide
from tests.scale.kubernetes import Json, Kubernetes, KubernetesRefusedError
from tests.scale.pools import ACCOUNT, Pool
from values import contract

HANG_UP_SECONDS = 30.0  # as the pod's script does
CONNECT_SECONDS = 0.5  # from a runner's start until its forge hears of it
AT_ONCE = 24  # of what is written to the API server


@dataclass
class Door:
    """Where pods register: the registrar's URL, and connections that trust it."""

    url: str
    http: ClientSession


@dataclass
class Crowd:
    """What became of pods that asked: seconds since each was placed, but `served`, which is since it first asked."""

    tries: int = 0
    hung_up: int = 0
    cut_off: int = 0
    served: list[float] = field(default_factory=list)
    online: list[float] = field(default_factory=list)
    gated: list[float] = field(default_factory=list)


class Kubelets:
    """All of the nodes'. While `door` is None every pod counts as registered and online long ago."""

    def __init__(self, api: Kubernetes, side: ForgeSide, pools: tuple[Pool, ...], seed: int) -> None:
        self._api, self._side = api, side
        self._pools = {(pool.namespace, pool.name): pool for pool in pools}
        self._random = random.Random(seed)  # noqa: S311 - a simulation
        self.door: Door | None = None
        self.crowd = Crowd()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._pods: dict[str, Json] = {}  # by uid, as last seen
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ready: set[str] = set()
        self._placed: dict[str, float] = {}
        self._idle: dict[str, list[tuple[str, int]]] = {pool.label: [] for pool in pools}
        self.busy: dict[str, int] = {}  # uid → job
        self._waiting: Counter[str] = Counter()
        self.jobs_begun = self.jobs_ended = 0

    @property
    def running(self) -> int:
        """How many runners are online."""
        return len(self.busy) + sum(map(len, self._idle.values()))

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            async for change, pod in self._api.watch("/api/v1/pods", "fieldSelector=spec.nodeName!="):
                await self._see(change, pod)
        finally:
            for task in self._tasks.values():
                task.cancel()

    async def _see(self, change: str, pod: Json) -> None:
        uid = pod["metadata"]["uid"]
        if change == "DELETED":
            self._pods.pop(uid, None)
            self._leave(uid)
            if (task := self._tasks.pop(uid, None)) is not None:
                task.cancel()
            return
        self._pods[uid] = pod
        if uid not in self._tasks:
            self._placed[uid] = _now()
            self._tasks[uid] = asyncio.create_task(self._live(uid))
        elif "deletionTimestamp" in pod["metadata"] and pod["status"].get("phase") not in ("Succeeded", "Failed"):
            self._leave(uid)
            self._tasks[uid].cancel()
            self._tasks[uid] = asyncio.create_task(self._api.delete_now(_path(pod)))
        elif _is_gated(pod) and uid not in self._ready and self.door is not None:
            self._ready.add(uid)
            self.crowd.gated.append(_now() - self._placed[uid])
            await self._api.patch_status(_path(pod), {"conditions": [_condition("Ready")]})

    def _leave(self, uid: str) -> None:
        self.busy.pop(uid, None)
        for idle in self._idle.values():
            idle[:] = [entry for entry in idle if entry[0] != uid]

    async def _live(self, uid: str) -> None:
        pod = self._pods[uid]
        pool = self._pools[pod["metadata"]["namespace"], pod["metadata"]["labels"][contract.POOL_LABEL]]
        if self.door is None:
            runner_id = self._side.register(pod["metadata"]["name"], pool)
            async with self._slots:
                annotations = {contract.RUNNER_ID_ANNOTATION: str(runner_id)}
                await self._api.patch_status(_path(pod), _running(gated=True), annotations)
            self._ready.add(uid)
        else:
            runner_id = await self._start(self.door, uid, pod)
        self._side.come_online(runner_id)
        self.crowd.online.append(_now() - self._placed[uid])
        self._idle[pool.label].append((uid, runner_id))
        self._hand_out(pool.label)

    async def _start(self, door: Door, uid: str, pod: Json) -> int:
        async with self._slots:
            await self._api.patch_status(_path(pod), _registering())
            token = await self._token(pod)
        began = _now()
        await self._register(door, token)
        self.crowd.served.append(_now() - began)
        async with self._slots:
            await self._api.patch_status(_path(pod), _running(gated=False))
        await asyncio.sleep(CONNECT_SECONDS)
        async with self._slots:
            stored = await self._api.ask("GET", _path(pod))
        return int(stored["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION])

    async def _token(self, pod: Json) -> str:
        """The one that the kubelet projects into the pod: bound to it, for the registrar alone."""
        metadata = pod["metadata"]
        bound = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
        spec = {"audiences": [contract.TOKEN_AUDIENCE], "expirationSeconds": 3600, "boundObjectRef": bound}
        path = f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{ACCOUNT}/token"
        answer = await self._api.create(path, {"spec": spec})
        return str(answer["status"]["token"])

    async def _register(self, door: Door, token: str) -> None:
        headers, timeout = {"Authorization": f"Bearer {token}"}, ClientTimeout(total=HANG_UP_SECONDS)
        while True:
            self.crowd.tries += 1
            try:
                async with door.http.post(f"{door.url}/registrations", headers=headers, timeout=timeout) as response:
                    text = await response.text()
                    if response.status == 200:
                        return
                    if response.status not in (429, 503):
                        raise AssertionError(f"the registrar answers {response.status}: {text}")
                    wait = float(response.headers["Retry-After"])
            except TimeoutError:
                self.crowd.hung_up += 1
                wait = 1.0
            except ClientError:
                self.crowd.cut_off += 1
                wait = 1.0
            await asyncio.sleep(wait)

    async def latch_all(self) -> None:
        """What a registrar has written long ago on each pod whose runner has a job."""

        async def latch(uid: str, job: int) -> None:
            name, cost = self._side.name_of(job), BUSY_DELETION_COST
            annotations = {contract.BUSY_ANNOTATION: name, contract.DELETION_COST_ANNOTATION: cost}
            async with self._slots:
                await self._api.patch_status(_path(self._pods[uid]), {}, annotations)

        await asyncio.gather(*(latch(uid, job) for uid, job in self.busy.items()))

    # --- jobs

    async def queue(self, pool: Pool) -> None:
        """Somebody pushes."""
        await self._side.queue(pool)
        self._waiting[pool.label] += 1
        self._hand_out(pool.label)

    def _hand_out(self, label: str) -> None:
        while self._waiting[label] and self._idle[label]:
            uid, runner_id = self._idle[label].pop(0)
            job = self._side.take(runner_id)
            if job is None:
                continue  # its registration is gone or cordoned: its pod ends soon
            self._waiting[label] -= 1
            self.busy[uid] = job
            self.jobs_begun += 1

    async def end_one(self) -> None:
        """One of the jobs that run ends, and its runner with it."""
        if not self.busy:
            return
        uid = self._random.choice(sorted(self.busy))
        pod, job = self._pods[uid], self.busy.pop(uid)
        await self._side.finish(job)
        self.jobs_ended += 1
        await self._api.patch_status(_path(pod), _ended())

    async def turn_over(self, pools: tuple[Pool, ...], jobs_an_hour: float) -> None:
        """So many jobs come and as many end, each hour, evenly: how long it takes to do it delays no later one."""
        takers, half, began = [pool for pool in pools if pool.runners], 3600 / jobs_an_hour / 2, _now()
        for number in itertools.count():
            await asyncio.sleep(began + (2 * number + 1) * half - _now())
            await self.queue(self._random.choice(takers))
            await asyncio.sleep(began + (2 * number + 2) * half - _now())
            await self.end_one()

    async def keep_alive(self) -> None:
        """Runners go on telling the forge that they live."""
        while True:
            self._side.beat()
            await asyncio.sleep(20)

    def failure(self) -> BaseException | None:
        """What went wrong with a pod's life, if anything did."""
        for task in self._tasks.values():
            if task.done() and not task.cancelled():
                error = task.exception()
                if error is not None and not isinstance(error, KubernetesRefusedError):
                    return error
        return None


def _now() -> float:
    return asyncio.get_running_loop().time()


def _path(pod: Json) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _is_gated(pod: Json) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(it["type"] == contract.ONLINE_GATE and it["status"] == "True" for it in conditions)


def _condition(kind: str, status: str = "True") -> dict[str, Any]:
    return {"type": kind, "status": status, "lastTransitionTime": stamp()}


def _registering() -> Json:
    return {
        "phase": "Pending", "startTime": stamp(), "podIPs": [{"ip": "127.0.0.1"}], "podIP": "127.0.0.1",
        "conditions": [_condition("PodReadyToStartContainers"), _condition("Initialized", "False")],
        "initContainerStatuses": [container(contract.REGISTRATION_CONTAINER, {"running": {"startedAt": stamp()}})],
        "containerStatuses": [container(contract.RUNNER_CONTAINER, {"waiting": {"reason": "PodInitializing"}})],
    }  # fmt: skip


def _running(*, gated: bool) -> Json:
    done = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": stamp(1), "finishedAt": stamp()}}
    conditions = [*map(_condition, ("PodReadyToStartContainers", "Initialized", "ContainersReady"))]
    conditions += [*map(_condition, (contract.ONLINE_GATE, "Ready"))] if gated else []
    return {
        "phase": "Running", "startTime": stamp(), "podIPs": [{"ip": "127.0.0.1"}], "podIP": "127.0.0.1",
        "conditions": conditions,
        "initContainerStatuses": [container(contract.REGISTRATION_CONTAINER, done)],
        "containerStatuses": [container(contract.RUNNER_CONTAINER, {"running": {"startedAt": stamp()}})],
    }  # fmt: skip


def _ended() -> Json:
    terminated = {"exitCode": 0, "reason": "Completed", "startedAt": stamp(60), "finishedAt": stamp()}
    return {
        "phase": "Succeeded", "conditions": [_condition("Ready", "False"), _condition("ContainersReady", "False")],
        "containerStatuses": [container(contract.RUNNER_CONTAINER, {"terminated": terminated})],
    }  # fmt: skip
