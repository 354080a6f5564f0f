"""private-runner-group: no public repository may send jobs, as anybody may open a pull request there."""

from collections.abc import Iterator, Sequence
from typing import Final

from policy_rules.resources import Resource, text
from policy_rules.rule import Rule, Settings, Violation, sentence, unjudged
from policy_rules.unknown import Unknown

# An organization's and an enterprise's.
_GROUPS: Final = ("ActionsRunnerGroup", "EnterpriseActionsRunnerGroup")
_FIELD: Final = "allowsPublicRepositories"
_NO: Final = (None, False, "false")


def check(resources: Sequence[Resource], _settings: Settings) -> Iterator[Violation]:
    """Judges runner groups at GitHub; Gitea has none."""
    for resource in resources:
        if not (resource.type.startswith("github:") and resource.type.rpartition(":")[2] in _GROUPS):
            continue
        place = f"runner group {text(resource.inputs, 'name') or resource.name}"
        ignored = [path for path in resource.ignored if path.partition(".")[0] in (_FIELD, "*")]
        if ignored:
            cure = "do not ignore changes of it: what is there by now is what counts"
            yield Violation(resource.urn, sentence(place, f"ignoreChanges of {ignored[0]}", "none", cure))
        value = resource.inputs.get(_FIELD)
        if isinstance(value, Unknown):
            yield from (Violation(resource.urn, message) for message in unjudged([f"{place}: {_FIELD}"]))
        elif value not in _NO:
            cure = "remove it: runners of public repositories run anybody's code"
            yield Violation(resource.urn, sentence(place, _FIELD, "private repositories", cure))


RULE: Final = Rule("private-runner-group", "Runner groups are closed to public repositories.", check)
