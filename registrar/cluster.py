"""The Kubernetes edge: the few requests that the registrar's Role allows. Pods change only through pods/status."""

import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx2
from lightkube import ApiError, AsyncClient, SingleConfig
from lightkube.config.client_adapter import verify_cluster
from lightkube.core.exceptions import NotReadyError
from lightkube.models.authentication_v1 import TokenRequestSpec
from lightkube.models.core_v1 import EventSource, ObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.operators import Operator, exists
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Event, Pod, ServiceAccountToken
from lightkube.types import PatchType

from registrar.declared_pool import DeclaredPool, read_declared_pool
from registrar.logs import LogBudget, log
from registrar.pods import RunnerPod
from registrar.readable_answers import ReadableAnswers
from registrar.reading import read_pod
from registrar.unread import Unread, UnreadDeployment, UnreadEvent, UnreadPod, UnreadPodStatus
from values import contract

COMPONENT = "registrar"
LIST_CHUNK = (
    25  # pods in one answer, which is read in one go: 25 KiB each, half a megabyte with what others write on them
)
MESSAGE_LIMIT = 1024  # bytes: the API server's own limit for an Event's message
LABELLED: dict[str, str | Operator[Any] | Iterable[Any] | None] = {contract.POOL_LABEL: exists()}
UNREADABLE_A_SECOND = 1.0  # objects that are logged


class AnswerUnreadableError(Exception):
    """The API server's answer is none that can be used."""


ERRORS = (httpx2.HTTPError, TimeoutError, AnswerUnreadableError)


@dataclass(frozen=True, kw_only=True)
class AccountToken:
    """A token of a ServiceAccount, and when it ends."""

    text: str = field(repr=False)
    expires: datetime


class Subject(Protocol):
    """What an Event is about: a pod, or what is left of one."""

    @property
    def namespace(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def uid(self) -> str: ...


class Cluster:
    """Reads and changes pods of granted namespaces, and reads their pools. Raises what is in ERRORS.

    The API server is reached directly, whatever proxy the environment names.
    """

    def __init__(self, config: SingleConfig) -> None:
        self._client = AsyncClient(
            config, timeout=httpx2.Timeout(10.0), field_manager=COMPONENT, trust_env=False, transport=_transport(config)
        )  # fmt: skip
        self._lines = LogBudget(UNREADABLE_A_SECOND)

    async def close(self) -> None:
        """Give connections back."""
        await self._client.aclose()

    async def get(self, namespace: str, name: str) -> RunnerPod | None:
        """A pod that carries the pool label, or None."""
        try:
            with _usable():
                unread = await self._client.get(UnreadPod, name, namespace=namespace)
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise
        return _pod(unread) if unread.has_label(contract.POOL_LABEL) else None

    async def list(self, namespace: str) -> tuple[dict[tuple[str, str], RunnerPod], str]:
        """Runner pods of a namespace by key, and the resource version to watch from."""
        with _usable():
            listing = self._client.list(UnreadPod, namespace=namespace, labels=LABELLED, chunk_size=LIST_CHUNK)
            pods = [pod async for unread in listing if (pod := self._pod_or_none(unread)) is not None]
            return {pod.key: pod for pod in pods}, listing.resourceVersion

    async def watch(self, namespace: str, version: str) -> AsyncIterator[tuple[str, RunnerPod]]:
        """Changes since `version`: (ADDED, MODIFIED or DELETED, pod)."""
        with _usable():
            events = self._client.watch(UnreadPod, namespace=namespace, labels=LABELLED, resource_version=version)
            async for change, unread in events:
                pod = self._pod_or_none(unread)
                if pod is not None:
                    yield change, pod

    async def list_declared(self, namespace: str) -> tuple[dict[str, DeclaredPool], str]:
        """The declared pools of a namespace by their Deployment's name, and the resource version to watch from."""
        with _usable():
            listing = self._client.list(UnreadDeployment, namespace=namespace, labels=LABELLED, chunk_size=LIST_CHUNK)
            pools = [pool async for unread in listing if (pool := self._declared_or_none(unread)) is not None]
            return {pool.deployment: pool for pool in pools}, listing.resourceVersion

    async def watch_declared(self, namespace: str, version: str) -> AsyncIterator[tuple[str, DeclaredPool]]:
        """Changes since `version`: (ADDED, MODIFIED or DELETED, declared pool)."""
        with _usable():
            events = self._client.watch(
                UnreadDeployment, namespace=namespace, labels=LABELLED, resource_version=version
            )  # fmt: skip
            async for change, unread in events:
                pool = self._declared_or_none(unread)
                if pool is not None:
                    yield change, pool

    async def annotate(self, pod: RunnerPod, annotations: Mapping[str, str]) -> RunnerPod:
        """Write annotations through the status subresource; the uid guards against a namesake."""
        patch = {"metadata": {"uid": pod.uid, "annotations": dict(annotations)}}
        return await self._patch(pod, patch)

    async def open_gate(self, pod: RunnerPod, message: str) -> RunnerPod:
        """Make the readiness gate true. There is no counterpart: it is never taken back."""
        condition = {
            "type": contract.ONLINE_GATE,
            "status": "True",
            "reason": contract.RUNNER_ONLINE,
            "message": message,
            "lastTransitionTime": _now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return await self._patch(pod, {"metadata": {"uid": pod.uid}, "status": {"conditions": [condition]}})

    async def delete(self, pod: RunnerPod, *, grace_seconds: int | None = None) -> None:
        """Delete a pod gracefully, with its own grace period unless another is given; one that is gone is no error."""
        try:
            await self._client.delete(Pod, pod.name, namespace=pod.namespace, grace_period=grace_seconds)
        except ApiError as error:
            if error.status.code != 404:
                raise

    async def token(self, namespace: str, account: str, seconds: int) -> AccountToken:
        """A fresh token of a ServiceAccount for the API server, which holds for that long."""
        # Without an audience it is for the API server itself.
        spec = TokenRequestSpec(audiences=[], expirationSeconds=seconds)
        request = ServiceAccountToken(metadata=ObjectMeta(name=account, namespace=namespace), spec=spec)
        with _usable():
            made = await self._client.create(request, account, namespace=namespace)
        status = made.status
        if status is None or not status.token or status.expirationTimestamp is None:
            raise AnswerUnreadableError("the API server's answer holds no token")
        return AccountToken(text=status.token, expires=status.expirationTimestamp)

    async def write_event(self, subject: Subject, *, reason: str, message: str, warning: bool) -> None:
        """Write or renew the pod's Event of this reason: its name follows from both, so a restart makes no second."""
        digest = hashlib.sha256(f"{subject.uid}/{reason}".encode()).hexdigest()[:16]
        name, now, text = f"{subject.name}.{digest}", _now(), message.encode()[:MESSAGE_LIMIT].decode(errors="ignore")
        event = Event(
            metadata=ObjectMeta(name=name, namespace=subject.namespace),
            involvedObject=ObjectReference(
                apiVersion="v1", kind="Pod", namespace=subject.namespace, name=subject.name, uid=subject.uid
            ),
            reason=reason,
            message=text,
            type="Warning" if warning else "Normal",
            count=1,
            firstTimestamp=now,
            lastTimestamp=now,
            source=EventSource(component=COMPONENT),
            reportingComponent=COMPONENT,
        )
        try:
            with _usable():
                await self._client.create(event)
        except ApiError as error:
            if error.status.code != 409:
                raise
            renewed = {"message": text, "lastTimestamp": now.isoformat(timespec="seconds")}
            where, how = subject.namespace, PatchType.MERGE
            with _usable():
                await self._client.patch(UnreadEvent, name, renewed, namespace=where, patch_type=how)

    async def _patch(self, pod: RunnerPod, patch: Mapping[str, Any]) -> RunnerPod:
        # strategic, because conditions are merged by their type then: kubelet writes its own beside ours
        with _usable():
            patched = await self._client.patch(
                UnreadPodStatus, pod.name, dict(patch), namespace=pod.namespace, patch_type=PatchType.STRATEGIC
            )
        return _pod(patched)

    def _pod_or_none(self, unread: Unread) -> RunnerPod | None:
        pod = unread.read(Pod)
        if pod is None:
            self._note_unreadable("pod", unread)
        return None if pod is None else read_pod(pod)

    def _declared_or_none(self, unread: Unread) -> DeclaredPool | None:
        deployment = unread.read(Deployment)
        if deployment is None:
            self._note_unreadable("deployment", unread)
        return None if deployment is None else read_declared_pool(deployment)

    def _note_unreadable(self, kind: str, unread: Unread) -> None:
        if self._lines.allows():
            log("object unreadable", level=logging.WARNING, kind=kind, name=unread.name)


def is_gone(error: Exception) -> bool:
    """Whether a request failed because its pod is gone, or because another pod has its name now."""
    return isinstance(error, ApiError) and error.status.code in (404, 409)


def _pod(unread: Unread) -> RunnerPod:
    """Raises AnswerUnreadableError."""
    pod = unread.read(Pod)
    if pod is None:
        raise AnswerUnreadableError("the API server's answer is no pod")
    return read_pod(pod)


def _transport(config: SingleConfig) -> ReadableAnswers:
    assert config.user is not None  # noqa: S101 - lightkube asks the same
    tls = verify_cluster(config.cluster, config.user, config.abs_file, trust_env=False)
    return ReadableAnswers(httpx2.AsyncHTTPTransport(verify=tls, trust_env=False))


@contextmanager
def _usable() -> Iterator[None]:
    """Raises AnswerUnreadableError where an answer is not what it has to be."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError, NotReadyError) as error:
        raise AnswerUnreadableError(f"the API server's answer cannot be used ({type(error).__name__})") from error


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
