"""Collects the evidence of one stack: Pulumi's documents, the live objects, the registrations. What fails is noted."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError
from gpu_runners.errors import CommandFailedError
from gpu_runners.pulumi_command import Answer, Program, StackUnknownError, begun_elsewhere
from gpu_runners.review.cluster import ClusterObjects, Resource
from gpu_runners.review.core.evidence import Declared, Evidence, Json, declared, namespaces, trimmed
from gpu_runners.review.core.findings import ObjectName
from gpu_runners.review.core.pending import failure
from gpu_runners.review.core.roster import MalformedRosterError, Roster
from gpu_runners.review.github_groups import GroupsUnreadableError, read_groups
from gpu_runners.stack_cluster import cluster_of
from values.contract import REGISTRAR_STATUS_PORT, SERVICE_NAME, TRUST_CONFIG_MAP, TRUST_URL_KEY

# Kinds that change all the time by themselves, or that exist only as long as somebody looks.
_NO_DECLARATIONS = frozenset({"Event", "Endpoints", "EndpointSlice", "Lease", "ControllerRevision", "PodMetrics"})
_AT_ONCE = 4


@dataclass(kw_only=True)
class Request:
    """What to look at. `without` are plurals, e.g. `secrets`, that this identity may not read and need not."""

    program: Program
    context: str = ""
    without: frozenset[str] = frozenset()
    policy_pack: str = ""
    policy_pack_config: str = ""
    violations: tuple[Any, ...] = ()
    prices: dict[str, Any] = field(default_factory=dict)
    with_preview: bool = True


def collect(request: Request) -> Evidence:
    """Everything at once, of a stack that is still to be made its preview. Raises PulumiFailedError."""
    program = request.program
    try:
        state = program.export()
    except StackUnknownError:
        if not (request.with_preview and program.config_file.is_file()):
            raise
        with begun_elsewhere(program) as new:
            return replace(collect(replace(request, program=new)), is_new=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool, tempfile.TemporaryDirectory(prefix="review-") as folder:
        events = Path(folder) / "events"
        preview = pool.submit(_preview, request, events) if request.with_preview else None
        refresh = pool.submit(program.run, "refresh", "--preview-only", "--json", with_config=True)
        elsewhere = pool.submit(_elsewhere, program)
        groups = pool.submit(read_groups, program, state)
        view = _View(request, declared(state))
        live, runners = view.read()
        unread = list(view.unread)
        previewed, problem = _previewed(preview)
        refreshed = _document(refresh, "refresh", unread)
        others = _result(elsewhere, unread)
        runner_groups = _groups(groups, unread)
        violations = [*request.violations, *_events(events)]
    return Evidence(
        stack=program.stack,
        state=tuple(trimmed(state)),
        preview=trimmed(previewed),
        refresh=trimmed(refreshed),
        live=tuple(live) if live is not None else None,
        elsewhere=tuple(others),
        runners=tuple(runners) if runners is not None else None,
        runner_groups=runner_groups,
        violations=tuple(violations),
        unread=tuple(unread),
        left_out=tuple(sorted(request.without)),
        failure=problem,
        prices=request.prices,
    )


def _preview(request: Request, events: Path) -> Answer:
    policy = ["--policy-pack", request.policy_pack, "--event-log", str(events)] if request.policy_pack else []
    if request.policy_pack and request.policy_pack_config:
        policy += ["--policy-pack-config", request.policy_pack_config]
    return request.program.run("preview", "--json", *policy, with_config=True)


def _previewed(preview: Future[Answer] | None) -> tuple[Any, str]:
    """The document, and why there is none or an incomplete one."""
    if preview is None:
        return None, ""
    try:
        answer = preview.result()
    except CommandFailedError as error:
        return None, str(error)
    document = answer.document()
    if answer.code == 0 and document is not None:
        return document, ""
    return document, failure(document or {}) or answer.complaint


def _document(run: Future[Answer], name: str, unread: list[str]) -> Any:
    try:
        answer = run.result()
    except CommandFailedError as error:
        unread.append(f"{name}: {error}")
        return None
    document = answer.document()
    if answer.code != 0 or document is None:
        unread.append(f"{name}: {failure(document or {}) or answer.complaint}")
    return document


def _elsewhere(program: Program) -> list[tuple[str, str, str]]:
    """What the project's other stacks declare."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        states = pool.map(program.export_of, program.other_stacks())
        return [key for state in states for key in declared(state)]


def _result(run: Future[list[tuple[str, str, str]]], unread: list[str]) -> list[tuple[str, str, str]]:
    try:
        return run.result()
    except CommandFailedError as error:
        unread.append(f"{error}; objects of other stacks may show as not declared")
        return []


def _groups(run: Future[tuple[Json, ...]], unread: list[str]) -> tuple[Json, ...] | None:
    try:
        return run.result()
    except (CommandFailedError, GroupsUnreadableError) as error:
        unread.append(f"runner groups at GitHub: {error}")
        return None


def _events(path: Path) -> Iterator[Any]:
    """The engine's events about policies."""
    if path.is_file():
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if "policyEvent" in event:
                yield event


class _View:
    """The cluster's side, read in one thread."""

    def __init__(self, request: Request, objects: dict[tuple[str, str, str], Declared]) -> None:
        self._request, self._objects = request, objects
        self._namespaces = namespaces(objects.values())
        self.unread: list[str] = []

    def read(self) -> tuple[list[dict[str, Any]] | None, list[Any] | None]:
        """Live objects and registrations; None where nothing could be read."""
        if not self._objects:
            return [], []
        try:
            choice = cluster_of(self._request.program, os.environ, self._request.context)
            with ClusterConnection(choice) as connection:
                cluster = ClusterObjects(connection)
                return self._live(cluster), self._runners(cluster)
        except (CommandFailedError, ClusterError) as error:
            self.unread.append(f"cluster: {error}")
            return None, None

    def _live(self, cluster: ClusterObjects) -> list[dict[str, Any]] | None:
        try:
            resources = cluster.resources()
        except ClusterError as error:
            self.unread.append(f"kinds of the cluster: {error}")
            return None
        live: list[dict[str, Any]] = []
        for namespace in self._namespaces:
            live += self._in_namespace(cluster, resources, namespace)
        return [*live, *self._without_namespace(cluster)]

    def _in_namespace(
        self, cluster: ClusterObjects, kinds: Iterable[Resource], namespace: str
    ) -> Iterator[dict[str, Any]]:
        ours = {kind for kind, place, _ in self._objects if place == namespace}
        for resource in kinds:
            if not (resource.namespaced and resource.listable) or resource.kind in _NO_DECLARATIONS:
                continue
            if resource.plural in self._request.without:
                continue
            try:
                # Of Secrets only the metadata is ever asked for: what is not here cannot leak.
                whole = resource.kind in ours and resource.kind != "Secret"
                yield from cluster.objects(resource, namespace, whole=whole)
            except ClusterError as error:
                self.unread.append(f"{resource.plural} in {namespace}: {error}")

    def _without_namespace(self, cluster: ClusterObjects) -> Iterator[dict[str, Any]]:
        for (_, namespace, _), declaration in self._objects.items():
            if namespace:
                continue
            try:
                live = cluster.find(declaration.name)
            except ClusterError as error:
                self.unread.append(f"{declaration.name}: {error}")
                continue
            if live is not None:
                yield live

    def _runners(self, cluster: ClusterObjects) -> list[Any] | None:
        if "runners" in self._request.without:
            return None
        try:
            address = next(filter(None, (_registrar(cluster, namespace) for namespace in self._namespaces)), "")
            if not address:
                self.unread.append("registrations at the forge: no namespace of this stack names a registrar")
                return None
            roster = Roster.of(cluster.read(f"{address}/proxy/runners"), self._namespaces)
        except (ClusterError, MalformedRosterError) as error:
            self.unread.append(f"registrations at the forge: {error}")
            return None
        self.unread += [f"registrations at the forge: {problem}" for problem in roster.unread]
        return list(roster.runners)


def _registrar(cluster: ClusterObjects, namespace: str) -> str:
    """Where the API server passes a request on to the registrar; "" for a namespace that has no runners."""
    trust = cluster.find(ObjectName(kind="ConfigMap", namespace=namespace, name=TRUST_CONFIG_MAP, version="v1"))
    if trust is None:
        return ""
    place = (urlsplit(trust["data"][TRUST_URL_KEY]).hostname or "").split(".")[1]
    return f"/api/v1/namespaces/{place}/services/https:{SERVICE_NAME}:{REGISTRAR_STATUS_PORT}"
