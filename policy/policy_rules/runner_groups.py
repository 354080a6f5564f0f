"""private-runner-group: no public repository may send jobs, as anybody may open a pull request there."""

from collections.abc import Iterator, Sequence
from typing import Final

from policy_rules.resources import Resource, text
from policy_rules.rule import Rule, Settings, Violation, sentence

_GROUP: Final = "github:index/actionsRunnerGroup:ActionsRunnerGroup"


def check(resources: Sequence[Resource], _settings: Settings) -> Iterator[Violation]:
    """Judges runner groups at GitHub; Gitea has none."""
    for resource in resources:
        if resource.type == _GROUP and resource.inputs.get("allowsPublicRepositories"):
            place = f"runner group {text(resource.inputs, 'name') or resource.name}"
            cure = "remove it: runners of public repositories run anybody's code"
            yield Violation(resource.urn, sentence(place, "allowsPublicRepositories", "private repositories", cure))


RULE: Final = Rule("private-runner-group", "Runner groups are closed to public repositories.", check)
