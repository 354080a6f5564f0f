"""Registers the rules with the engine, and no more: levels and settings come from `--policy-pack-config`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policy_rules.catalogue import RULES
from policy_rules.resources import Resource
from policy_rules.rule import Rule
from policy_rules.unknown import UNKNOWN

PACK: Final = "gpu-runners"


def policy(rule: Rule) -> Policy:
    """The rule as the engine wants it. One resource is judged before it is made, a whole stack after its preview."""

    def judge_resource(args: ResourceValidationArgs, report: ReportViolation) -> None:
        report_all([resource(args)], args.get_config(), report)

    def judge_stack(args: StackValidationArgs, report: ReportViolation) -> None:
        report_all([resource(each) for each in args.resources], args.get_config(), report)

    def report_all(resources: Sequence[Resource], settings: Mapping[str, Any], report: ReportViolation) -> None:
        for violation in rule.check(resources, settings):
            report(violation.message, violation.urn)

    level = EnforcementLevel(rule.level)
    schema = (
        PolicyConfigSchema({name: dict(schema) for name, schema in rule.settings.items()}) if rule.settings else None
    )
    if rule.whole_stack:
        return StackValidationPolicy(rule.name, rule.description, judge_stack, level, schema)
    return ResourceValidationPolicy(rule.name, rule.description, judge_resource, level, schema)


def resource(given: ResourceValidationArgs | PolicyResource) -> Resource:
    """A resource as plain data."""
    return Resource(given.resource_type, given.name, given.urn, plain(given.props), tuple(given.opts.ignore_changes))


def plain(value: Any) -> Any:
    """A value without the engine's wrappers, and UNKNOWN where a preview cannot know it yet."""
    if isinstance(value, Mapping):
        return {key: _known(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_known(value, index) for index in range(len(value))]
    return value


def _known(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


if __name__ == "__main__":
    PolicyPack(PACK, [policy(rule) for rule in RULES])
