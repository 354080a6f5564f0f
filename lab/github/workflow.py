"""The part of a workflow file that the stand-in runs. Pure.

Jobs with `needs`, `if: always()`, `env`, an `environment` and `run:` steps; inputs of a dispatch. Refuses any other key
of a job or a step. Beside the jobs, inputs and `concurrency` count; what else there is changes nothing here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

JOB_KEYS = {"name", "runs-on", "needs", "if", "env", "steps", "timeout-minutes", "environment", "permissions"}
STEP_KEYS = {"name", "id", "run", "env", "if", "shell", "working-directory"}


class WorkflowError(ValueError):
    """The file asks for something that the stand-in cannot do; the message names the key."""


@dataclass(frozen=True)
class Step:
    """One `run:` step; `name` is what the log shows."""

    script: str
    name: str
    condition: str = "success()"
    shell: str | None = None
    directory: str | None = None
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Input:
    """What a dispatch may, or must, say beside the branch."""

    name: str
    required: bool = False
    default: str = ""


@dataclass(frozen=True)
class JobPlan:
    """A job as it was written; `always`: it runs whatever happened to what it needs; `environment`: "" for none."""

    key: str
    labels: tuple[str, ...]
    needs: tuple[str, ...]
    always: bool
    env: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    environment: str = ""


@dataclass(frozen=True)
class Workflow:
    """A parsed file. `id` is the number that the API gives it."""

    id: int
    path: str
    name: str
    jobs: tuple[JobPlan, ...]
    inputs: tuple[Input, ...] = ()
    concurrency: str = ""
    """The group as it is written: one run of it at a time, and one that is pending."""
    cancels_in_progress: bool = False
    is_dispatched: bool = False
    """Whether it may be started by hand."""


def parse(identifier: int, path: str, text: str) -> Workflow:
    """Raises WorkflowError with the first key that is not understood."""
    document = yaml.safe_load(text)
    if not isinstance(document, dict) or not isinstance(document.get("jobs"), dict):
        raise WorkflowError(f"{path}: has no jobs")
    shared = _pairs(document.get("env"))
    jobs = tuple(_job(f"{path}: jobs.{key}", key, job, shared) for key, job in document["jobs"].items())
    keys = {job.key for job in jobs}
    for job in jobs:
        if not set(job.needs) <= keys:
            raise WorkflowError(
                f"{path}: jobs.{job.key}.needs names {', '.join(set(job.needs) - keys)}, which is no job"
            )
    group, cancels = _concurrency(document.get("concurrency"))
    name = str(document.get("name", path))
    by_hand = "workflow_dispatch" in _events(document)
    return Workflow(identifier, path, name, jobs, tuple(_inputs(document)), group, cancels, by_hand)


def _concurrency(value: Any) -> tuple[str, bool]:
    if isinstance(value, dict):
        return str(value.get("group", "")), value.get("cancel-in-progress") is True
    return str(value or ""), False


def _inputs(document: Mapping[Any, Any]) -> Iterator[Input]:
    dispatch = _events(document).get("workflow_dispatch")
    for name, field in ((dispatch or {}).get("inputs") or {}).items():
        wanted = field or {}
        yield Input(str(name), bool(wanted.get("required")), str(wanted.get("default", "")))


def _events(document: Mapping[Any, Any]) -> Mapping[str, Any]:
    """What starts it, with what is said of each; written as a word, a list or a mapping."""
    events = document.get(True, document.get("on"))  # YAML 1.1 reads the word `on` as true
    return events if isinstance(events, dict) else dict.fromkeys(_texts(events or ()))


def _job(where: str, key: str, job: Mapping[str, Any], shared: tuple[tuple[str, str], ...]) -> JobPlan:
    _only(where, job, JOB_KEYS)
    condition = str(job.get("if", "")).strip()
    if condition not in ("", "always()"):
        raise WorkflowError(f"{where}.if: {condition!r} is not understood; allowed: always()")
    return JobPlan(
        key=key,
        labels=_texts(job["runs-on"]),
        needs=_texts(job.get("needs", [])),
        always=bool(condition),
        env=shared + _pairs(job.get("env")),
        steps=tuple(_step(f"{where}.steps[{n}]", n, step) for n, step in enumerate(job["steps"])),
        environment=_environment(job.get("environment")),
    )


def _environment(value: Any) -> str:
    """Its name, which is all of it or one of its fields."""
    return str(value.get("name", "") if isinstance(value, dict) else value or "")


def _step(where: str, number: int, step: Mapping[str, Any]) -> Step:
    _only(where, step, STEP_KEYS)
    if "run" not in step:
        raise WorkflowError(f"{where}: has no `run`")
    return Step(
        script=str(step["run"]),
        name=str(step.get("name", f"step {number + 1}")),
        condition=str(step.get("if", "success()")),
        shell=step.get("shell"),
        directory=step.get("working-directory"),
        env=_pairs(step.get("env")),
    )


def _only(where: str, mapping: Mapping[str, Any], allowed: set[str]) -> None:
    unknown = sorted(set(mapping) - allowed)
    if unknown:
        raise WorkflowError(
            f"{where}: {', '.join(unknown)} is not understood here; allowed: {', '.join(sorted(allowed))}"
        )


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(item)) for name, item in (value or {}).items())
