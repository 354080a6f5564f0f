"""The example's workflow as the stand-in for GitHub can run it: checkouts become `git clone`. Pure.

The stand-in runs `run:` steps and no actions. Everything else of the file stays as a user has it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from lab.errors import LabError

CHECKOUT = "actions/checkout@"


@dataclass(frozen=True)
class Clone:
    """Where a repository is cloned from instead, and what is done in the clone then: shell, and its environment."""

    url: str
    then: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


def queued(text: str, count: int) -> str:
    """The workflow without those who deploy and release: the training job alone, so often, under a name each."""
    document = yaml.safe_load(text)
    trained = {key: value for key, value in document["jobs"]["train"].items() if key != "needs"}
    jobs = {"train" if number == 1 else f"train-{number}": trained for number in range(1, count + 1)}
    # YAML reads `on` as true.
    kept = {("on" if key is True else key): value for key, value in document.items()}
    return _Plain.dump({**kept, "jobs": jobs})


class _Plain(yaml.SafeDumper):
    """No anchors: what stands for several jobs is written out for each."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    @staticmethod
    def dump(document: Mapping[str, Any]) -> str:
        return str(yaml.dump(document, Dumper=_Plain, sort_keys=False))


def runnable(text: str, own: str, clones: Mapping[str, Clone], environments: Mapping[str, str]) -> str:
    """The workflow for a dispatch with the input `seed`.

    `own` is the repository that a checkout without a name means, `clones` says for each repository where it is cloned
    from, `environments` for each job the environment that it is to name. Raises LabError for any other action.
    """
    document = yaml.safe_load(text)
    jobs = {key: _job(key, job, own, clones, environments) for key, job in document["jobs"].items()}
    inputs = {"seed": {"description": "what the training begins with", "required": True}}
    return yaml.safe_dump(
        {"name": document["name"], "on": {"workflow_dispatch": {"inputs": inputs}}, "jobs": jobs}, sort_keys=False
    )


def _job(
    key: str, job: Mapping[str, Any], own: str, clones: Mapping[str, Clone], environments: Mapping[str, str]
) -> dict[str, Any]:
    added = {"environment": environments[key]} if key in environments else {}
    return {**job, **added, "steps": list(_steps(job["steps"], own, clones))}


def _steps(steps: list[dict[str, Any]], own: str, clones: Mapping[str, Clone]) -> Iterator[dict[str, Any]]:
    for step in steps:
        if "uses" not in step:
            yield step
        elif str(step["uses"]).startswith(CHECKOUT):
            yield _clone(step.get("with", {}), own, clones)
        else:
            raise LabError(f"the stand-in for GitHub runs no actions, and the example's workflow uses {step['uses']}")


def _clone(given: Mapping[str, Any], own: str, clones: Mapping[str, Clone]) -> dict[str, Any]:
    repository, folder = str(given.get("repository", own)), str(given.get("path", "."))
    if repository not in clones:
        raise LabError(f"the example's workflow checks out {repository}, which the demo does not host")
    clone = clones[repository]
    commands = (f"git clone --quiet --depth 1 {clone.url} {folder}", f"cd {folder}", clone.then)
    step = {"name": f"Clone {repository}", "run": "\n".join(command for command in commands if command) + "\n"}
    return {**step, "env": dict(clone.env)} if clone.env else step
