"""The message by which a runner gets a job: the smallest form seen to work, plus secrets and variables. Pure."""

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from lab.github.workflow import JobPlan, Step
from lab.github.world import Job, Run

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
NO_SCOPE = "00000000-0000-0000-0000-000000000000"

Json = dict[str, Any]


def body(base: str, run: Run, job: Job) -> Json:
    """The job as the runner reads it; all URLs are absolute, so `base` must be one that the runner's pod reaches."""
    return {
        "plan": {"scopeIdentifier": NO_SCOPE, "planType": "actions", "planId": job.plan_id},
        "timeline": {"id": job.timeline},
        "jobId": job.request,
        "jobName": job.plan.key,
        "jobDisplayName": job.plan.key,
        "requestId": job.id,
        "resources": {
            "endpoints": [
                {
                    "name": "SystemVssConnection",
                    "url": f"{base}/tenant/",
                    "authorization": {"parameters": {"AccessToken": job.token}},
                }
            ]
        },
        "contextData": {
            "github": _dictionary(_github(base, run)),
            "inputs": _dictionary(run.inputs),
            "vars": _dictionary({name: entry["value"] for name, entry in _held(run, job, "variables").items()}),
        },
        "variables": {
            "system.github.token": {"value": job.token, "isSecret": True},
            **{name: {"value": entry["value"], "isSecret": True} for name, entry in _held(run, job, "secrets").items()},
        },
        "environmentVariables": [_mapping(job.plan.env)] if job.plan.env else [],
        "steps": [_step(job.plan, number, step) for number, step in enumerate(job.plan.steps, 1)],
    }


def _held(run: Run, job: Job, kind: Literal["variables", "secrets"]) -> dict[str, dict[str, str]]:
    """What the repository holds and, before it, the environment that the job names."""
    environment = run.repository.environments.get(job.plan.environment)
    if kind == "secrets":
        return {**run.repository.secrets, **(environment.secrets if environment else {})}
    return {**run.repository.variables, **(environment.variables if environment else {})}


def _github(base: str, run: Run) -> Json:
    return {
        "event_name": "workflow_dispatch", "workflow": run.workflow.name, "repository": run.repository.full_name,
        "repository_owner": run.repository.owner, "ref": f"refs/heads/{run.ref}", "ref_name": run.ref, "sha": "0" * 40,
        "run_id": str(run.id), "run_number": str(run.number), "server_url": base, "api_url": f"{base}/api/v3",
        "graphql_url": f"{base}/api/graphql", "event": {"inputs": run.inputs},
    }  # fmt: skip


def _step(plan: JobPlan, number: int, step: Step) -> Json:
    inputs = [("script", step.script)]
    inputs += [("shell", step.shell)] if step.shell else []
    inputs += [("workingDirectory", step.directory)] if step.directory else []
    entry: Json = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{plan.key}/{number}")),
        "contextName": f"step{number}",
        "reference": {"type": "script"},
        "condition": step.condition,
        "displayNameToken": _text(step.name),
        "inputs": _mapping(inputs),
    }
    if step.env:
        entry["environment"] = _mapping(step.env)
    return entry


def _text(value: str) -> Json:
    """A text as a template token; one with `${{ }}` in it becomes an expression, as the service makes it."""
    parts = _EXPRESSION.split(value)  # text, expression, text, …
    if len(parts) == 1:
        return {"type": 0, "lit": value}
    if len(parts) == 3 and not parts[0] and not parts[2]:
        return {"type": 3, "expr": parts[1]}
    texts = [text.replace("{", "{{").replace("}", "}}").replace("'", "''") for text in parts[::2]]
    pattern = texts[0] + "".join(f"{{{number}}}{text}" for number, text in enumerate(texts[1:]))
    return {"type": 3, "expr": f"format('{pattern}', {', '.join(parts[1::2])})"}


def _mapping(pairs: Iterable[tuple[str, str]]) -> Json:
    return {"type": 2, "map": [{"key": _text(name), "value": _text(value)} for name, value in pairs]}


def _dictionary(values: Mapping[str, Any]) -> Json:
    entries = [
        {"k": name, "v": _dictionary(value) if isinstance(value, dict) else value} for name, value in values.items()
    ]
    return {"t": 2, "d": entries}
