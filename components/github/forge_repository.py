"""ForgeRepository: what the workflows of a repository at GitHub find there: variables, secrets, environments."""

from typing import Optional

import pulumi
import pulumi_github as github

from components.github.repository_args import ActionsPermissions, ForgeEnvironment, ForgeRepositoryArgs


class ForgeRepository(pulumi.ComponentResource):
    """The wiring of a repository. A secret is in no output, and in the state only encrypted."""

    repository: pulumi.Output[str]
    """The repository's name, once everything is in place."""

    def __init__(self, name: str, args: ForgeRepositoryArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:ForgeRepository", name, {}, opts)
        self._name, self._repository = name, args["repository"]
        wired: list[pulumi.Resource] = []
        if "actions_permissions" in args:
            wired.append(self._permissions(args["actions_permissions"]))
        for key, value in args["variables"].items():
            wired.append(self._variable(key, value))
        for key, value in args["secrets"].items():
            wired.append(self._secret(key, value))
        for environment in args["environments"]:
            wired += self._environment(environment)
        self.repository = pulumi.Output.all(*(resource.urn for resource in wired)).apply(lambda _: args["repository"])
        self.register_outputs({"repository": self.repository})

    def _permissions(self, wanted: ActionsPermissions) -> pulumi.Resource:
        return github.ActionsRepositoryPermissions(
            f"{self._name}-permissions",
            repository=self._repository,
            enabled=True,
            allowed_actions=wanted["allowed_actions"],
            # The provider never sends false, and would see a drift for ever.
            sha_pinning_required=True if wanted["sha_pinning_required"] else None,
            opts=self._child(),
        )

    def _variable(self, key: str, value: pulumi.Input[str]) -> pulumi.Resource:
        return github.ActionsVariable(
            f"{self._name}-{key}",
            repository=self._repository,
            variable_name=key,
            value=value,
            opts=self._child(),
        )

    def _secret(self, key: str, value: pulumi.Input[str]) -> pulumi.Resource:
        return github.ActionsSecret(
            f"{self._name}-{key}",
            repository=self._repository,
            secret_name=key,
            value=pulumi.Output.secret(value),
            opts=self._child(),
        )

    def _environment(self, wanted: ForgeEnvironment) -> list[pulumi.Resource]:
        prefix = f"{self._name}-{wanted['name']}"
        environment = github.RepositoryEnvironment(
            prefix,
            repository=self._repository,
            environment=wanted["name"],
            # Who may push to a named branch decides, not who may administer the repository.
            can_admins_bypass=False,
            deployment_branch_policy={"protected_branches": False, "custom_branch_policies": True},
            reviewers=self._reviewers(wanted),
            opts=self._child(),
        )
        within = pulumi.ResourceOptions(parent=self, depends_on=[environment])
        policies: list[pulumi.Resource] = [
            github.RepositoryEnvironmentDeploymentPolicy(
                f"{prefix}-{branch}",
                repository=self._repository,
                environment=wanted["name"],
                branch_pattern=branch,
                opts=within,
            )
            for branch in wanted["branches"]
        ]
        variables: list[pulumi.Resource] = [
            github.ActionsEnvironmentVariable(
                f"{prefix}-variable-{key}",
                repository=self._repository,
                environment=wanted["name"],
                variable_name=key,
                value=value,
                opts=within,
            )
            for key, value in wanted.get("variables", {}).items()
        ]
        secrets: list[pulumi.Resource] = [
            github.ActionsEnvironmentSecret(
                f"{prefix}-secret-{key}",
                repository=self._repository,
                environment=wanted["name"],
                secret_name=key,
                value=pulumi.Output.secret(value),
                opts=within,
            )
            for key, value in wanted.get("secrets", {}).items()
        ]
        return [environment, *policies, *variables, *secrets]

    def _reviewers(self, wanted: ForgeEnvironment) -> Optional[list[github.RepositoryEnvironmentReviewerArgsDict]]:
        asked = pulumi.InvokeOutputOptions(parent=self)
        users = [
            github.get_user_output(username=login, opts=asked).apply(lambda user: int(user.id))
            for login in wanted.get("reviewer_users", ())
        ]
        teams = [
            github.get_team_output(slug=slug, summary_only=True, opts=asked).apply(lambda team: int(team.id))
            for slug in wanted.get("reviewer_teams", ())
        ]
        return [{"users": users, "teams": teams}] if users or teams else None

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)
