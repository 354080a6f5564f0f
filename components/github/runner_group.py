"""RunnerGroup: which repositories of an organization at GitHub may use its runners, and which of their workflows."""

from collections.abc import Sequence
from typing import NotRequired, Optional, TypedDict

import pulumi
import pulumi_github as github


class RunnerGroupArgs(TypedDict):
    """One group. Runners get into it when they are registered: an environment's grant names it."""

    group: str
    """The group's name at GitHub."""
    repositories: Sequence[str]
    """The repositories that may use its runners, each as owner/repository; nobody else may."""
    workflows: NotRequired[Sequence[str]]
    """Only these, each as owner/repository/.github/workflows/FILE@REF; without any, all of the repositories."""


class RunnerGroup(pulumi.ComponentResource):
    """A runner group that never lets in a public repository: a fork's pull request would run on our GPUs."""

    group_id: pulumi.Output[str]
    """The group's number."""

    def __init__(self, name: str, args: RunnerGroupArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:RunnerGroup", name, {}, opts)
        workflows = list(args.get("workflows", ()))
        group = github.ActionsRunnerGroup(
            f"{name}-group",
            name=args["group"],
            visibility="selected",
            selected_repository_ids=[self._number(repository) for repository in args["repositories"]],
            allows_public_repositories=False,
            restricted_to_workflows=bool(workflows),
            selected_workflows=workflows,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.group_id = group.id
        self.register_outputs({"group_id": self.group_id})

    def _number(self, repository: str) -> pulumi.Output[int]:
        """GitHub's number of a repository. Raises RunError where there is none of this name."""
        answer = github.get_repository_output(full_name=repository, opts=pulumi.InvokeOutputOptions(parent=self))
        return answer.apply(lambda it: _known(repository, it.repo_id))


def _known(repository: str, number: Optional[float]) -> int:
    if not number:
        raise pulumi.RunError(
            f"{repository} does not exist, or the credential may not see it; check the spelling in runnerGroups"
        )
    return int(number)
