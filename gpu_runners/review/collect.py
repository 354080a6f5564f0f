"""Collects the evidence of one stack: Pulumi's documents, the live objects, the registrations. What fails is noted."""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from gpu_runners.errors import CommandFailedError
from gpu_runners.pulumi_command import Answer, Program, StackUnknownError, begun_elsewhere
from gpu_runners.review.core.evidence import Evidence, Json, Key, declared, trimmed
from gpu_runners.review.core.pending import failure
from gpu_runners.review.core.runner_groups import declared_groups
from gpu_runners.review.view import View
from gpu_runners.state.allow_list import GITHUB_TYPES

_AT_ONCE = 4
FORGE: Final = "forge"  # of `without`: what is at the forge, which takes its credential


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
        deployment = program.deployment()
    except StackUnknownError:
        if not (request.with_preview and program.config_file.is_file()):
            raise
        with begun_elsewhere(program) as new:
            return replace(collect(replace(request, program=new)), is_new=True)
    state = deployment.get("resources") or []
    with ThreadPoolExecutor(_AT_ONCE) as pool, tempfile.TemporaryDirectory(prefix="review-") as folder:
        events = Path(folder) / "events"
        preview = pool.submit(_preview, request, events) if request.with_preview else None
        at_forge = [resource for resource in state if resource.get("type") in GITHUB_TYPES]
        if FORGE in request.without:
            at_forge = []
        refresh = pool.submit(_refresh, program, at_forge) if at_forge else None
        elsewhere = pool.submit(_elsewhere, program)
        groups = pool.submit(_groups, program, at_forge)
        view = View(program, state, request.context, request.without)
        live, runners = view.read()
        unread = list(view.unread)
        previewed, problem = _previewed(preview)
        refreshed = _document(refresh, "refresh", unread) if refresh else None
        others = _result(elsewhere, unread)
        runner_groups, ungrouped = groups.result()
        unread += ungrouped
        violations = [*request.violations, *_events(events)]
    return Evidence(
        stack=program.stack,
        state=tuple(trimmed(state)),
        preview=trimmed(previewed),
        refresh=trimmed(refreshed),
        live=tuple(live) if live is not None else None,
        looked_at=tuple(sorted(view.looked_at)),
        brought_up=str((deployment.get("manifest") or {}).get("time", "")),
        elsewhere=tuple(others),
        runners=tuple(runners) if runners is not None else None,
        runner_groups=runner_groups,
        violations=tuple(violations),
        unread=tuple(unread),
        left_out=tuple(sorted({*request.without, *view.not_looked_at})),
        failure=problem,
        prices=request.prices,
    )


def _refresh(program: Program, resources: list[dict[str, Any]]) -> Answer:
    """Of what is at the forge: the cluster's objects are compared here, without the provider and the passphrase."""
    targets = [flag for resource in resources for flag in ("--target", str(resource["urn"]))]
    return program.run("refresh", "--preview-only", "--json", *targets, with_config=True)


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


def _elsewhere(program: Program) -> list[Key]:
    """What the project's other stacks declare."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        states = pool.map(program.export_of, program.other_stacks())
        return [key for state in states for key in declared(state)]


def _result(run: Future[list[Key]], unread: list[str]) -> list[Key]:
    try:
        return run.result()
    except CommandFailedError as error:
        unread.append(f"{error}; objects of other stacks may show as not declared")
        return []


def _groups(program: Program, at_forge: list[dict[str, Any]]) -> tuple[tuple[Json, ...] | None, list[str]]:
    """GitHub's runner groups, or why they are not known."""
    if not declared_groups(at_forge):
        return (), []
    # Only here: whoever declares none need not wait for the reader of a whole config and Pulumi's SDK.
    from gpu_runners.review.github_groups import GroupsUnreadableError, read_groups  # noqa: PLC0415

    try:
        return read_groups(program, at_forge), []
    except (CommandFailedError, GroupsUnreadableError) as error:
        return None, [f"runner groups at GitHub: {error}"]


def _events(path: Path) -> Iterator[Any]:
    """The engine's events about policies."""
    if path.is_file():
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if "policyEvent" in event:
                yield event
