"""Findings, quota, rights and budget: what is said, and how the command ends."""

from decimal import Decimal
from typing import Any

import pytest
from lightkube.utils.quantity import parse_quantity

from components.platform.deployer import deployer_rules
from gpu_runners.doctor.core.budget import budget
from gpu_runners.doctor.core.findings import State, doubtful, exit_code, failed, ok, summary, unknown, wrong
from gpu_runners.doctor.core.quota import granted, used_by
from gpu_runners.doctor.core.quota_scopes import Wish, by_wishes, wanted
from gpu_runners.doctor.core.rights import Right, judged, of_platform, of_pools
from gpu_runners.exit_code import ExitCode
from values.problem import Problem

GPU = "nvidia.com/gpu"
FINE, WRONG, OPEN = ok("a", "b"), failed("a", "b", "c"), unknown("a", "b", "c")


def amount(text: str) -> Decimal:
    return parse_quantity(text) or Decimal(0)


@pytest.mark.parametrize(
    ("findings", "strict", "code"),
    [
        ([FINE], False, 0),
        ([FINE, OPEN], False, 0),
        ([FINE, OPEN], True, ExitCode.FAILED),
        ([WRONG, OPEN], True, ExitCode.FOUND),
        ([FINE, WRONG], False, ExitCode.FOUND),
        ([FINE], True, 0),
    ],
)
def test_only_what_failed_fails_the_command_unless_it_is_strict(findings: list[Any], strict: bool, code: int) -> None:
    assert exit_code(findings, strict=strict) == code


def test_a_finding_is_one_line_with_its_cure() -> None:
    assert str(WRONG) == "failed   a: b; cure: c"
    assert str(FINE) == "ok       a: b"
    assert summary([FINE, WRONG, FINE]) == "2 ok, 1 failed, 0 unknown"


def test_a_problem_is_shown_whole_and_its_cure_is_a_cure() -> None:
    problem = Problem("runnerGroup", "gpus", "Default of mlops; or another", "create it; or name one of these")
    for finding, state in (
        (wrong("scope mlops", problem), State.FAILED),
        (doubtful("scope mlops", problem), State.UNKNOWN),
    ):
        assert finding.state is state
        assert finding.found == "runnerGroup: gpus; allowed: Default of mlops; or another"
        assert finding.cure == "create it; or name one of these"


def test_pools_within_the_quota_are_fine() -> None:
    finding = granted("quota", {GPU: 4}, [{"spec": {"hard": {f"requests.{GPU}": "4", "pods": "50"}}}], amount)
    assert (finding.state, finding.found) == (State.OK, "the quota grants 4 nvidia.com/gpu of 4")


def test_the_tightest_of_several_quotas_counts() -> None:
    quotas = [{"spec": {"hard": {f"requests.{GPU}": text}}} for text in ("8", "2")]
    finding = granted("quota", {GPU: 4}, quotas, amount)
    assert (finding.state, "4 nvidia.com/gpu of 2 that" in finding.found) == (State.FAILED, True)


def test_a_resource_without_a_quota_has_none() -> None:
    assert granted("quota", {GPU: 4}, [], amount).state is State.OK


def quota_used(used: str) -> list[dict[str, Any]]:
    hard = f"requests.{GPU}"
    return [{"spec": {"hard": {hard: "4"}}, "status": {"used": {hard: used}}}]


def runner(pool: str, phase: str = "Running", gpus: str = "1") -> dict[str, Any]:
    container = {"name": "runner", "resources": {"requests": {GPU: gpus}}}
    return {
        "metadata": {"labels": {"gpu-runners.dev/pool": pool}},
        "spec": {"containers": [container, {"name": "other"}]},
        "status": {"phase": phase},
    }


def test_a_quota_that_others_use_up_has_no_room_left() -> None:
    finding = granted("quota", {GPU: 2}, quota_used("3"), amount, {})
    assert finding.state is State.FAILED
    assert finding.found == "the stack's pools want 2 nvidia.com/gpu, but others use 3 of 4"
    assert "kubectl get pods" in finding.cure


def test_what_the_stacks_own_runners_use_is_theirs() -> None:
    pods = [runner("cuda"), runner("cuda", gpus="2"), runner("cuda", "Succeeded"), runner("foreign")]
    own = used_by(pods, {"cuda"}, amount)
    assert own == {GPU: 3}
    finding = granted("quota", {GPU: 3}, quota_used("4"), amount, own)
    assert finding.state is State.OK
    assert finding.found == "the quota grants 3 nvidia.com/gpu of 4, of which others use 1"


def test_a_missing_right_is_named_with_the_command_that_shows_it() -> None:
    wanted = of_pools("team", "pools-dev")
    finding = judged("rights", wanted, [Right("create", "apps", "deployments", "team")])
    assert finding.state is State.FAILED
    assert "may not create deployments.apps" in finding.found
    assert "kubectl auth can-i create deployments --namespace team" in finding.cure


def test_a_deployer_needs_no_more_than_it_is_given() -> None:
    rules = deployer_rules("dev")

    def allowed(right: Right) -> bool:
        return any(
            right.group in rule["api_groups"]
            and right.resource in rule["resources"]
            and right.verb in rule["verbs"]
            and (not rule.get("resource_names") or right.name in rule["resource_names"])
            for rule in rules
        )

    assert [right for right in of_pools("team", "pools-dev") if not allowed(right)] == []


def test_a_platform_asks_for_every_kind_that_it_declares() -> None:
    asked = {right.resource for right in of_platform(["a"])}
    assert {"namespaces", "validatingadmissionpolicies", "resourcequotas", "rolebindings", "secrets"} <= asked


def limits(limit: int, remaining: int) -> dict[str, Any]:
    return {"resources": {"core": {"limit": limit, "remaining": remaining, "reset": 1795521600}}}


@pytest.mark.parametrize(
    ("limit", "remaining", "state"),
    [
        (5000, 4990, State.OK),
        (5000, 500, State.OK),
        (5000, 499, State.FAILED),
        (5000, 0, State.FAILED),
        (60, 60, State.FAILED),
    ],
)
def test_a_budget_that_is_nearly_spent_or_tiny_fails(limit: int, remaining: int, state: State) -> None:
    assert budget("budget", limits(limit, remaining)).state is state


def test_a_spent_budget_says_when_it_comes_back() -> None:
    assert "wait until 12:00 UTC" in budget("budget", limits(5000, 3)).cure


def test_of_many_missing_rights_four_are_named_and_the_others_counted() -> None:
    missing = [Right("create", "apps", f"kind{number}", "team") for number in range(6)]
    named = ", ".join(map(str, missing[:4]))
    assert judged("rights", missing, missing[:4]).found == f"this identity may not {named}"
    assert judged("rights", missing, missing).found == f"this identity may not {named} and 2 more"


def test_a_deployer_writes_in_its_own_namespace_alone() -> None:
    assert {right.namespace for right in of_pools("team", "pools-dev")} == {"team"}


def scoped(*scopes: str, gpus: str = "0", **expression: Any) -> dict[str, Any]:
    selector = {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", **expression}]}}
    spec = {"hard": {f"requests.{GPU}": gpus}, "scopes": list(scopes), **(selector if expression else {})}
    return {"spec": spec}


BOTH, HIGH, PLAIN, NONE = ("high", "plain"), ("high",), ("plain",), ()


@pytest.mark.parametrize(
    ("quota", "counted"),
    [
        (scoped(), BOTH),
        (scoped("NotTerminating", "NotBestEffort"), BOTH),
        (scoped("Terminating"), NONE),
        (scoped("NotTerminating", "BestEffort"), NONE),
        (scoped("CrossNamespacePodAffinity"), NONE),
        (scoped("one of a later version"), NONE),
        (scoped("PriorityClass"), HIGH),
        (scoped(operator="Exists"), HIGH),
        (scoped(operator="DoesNotExist"), PLAIN),
        (scoped(operator="In", values=["research", "x"]), HIGH),
        (scoped(operator="In", values=["x"]), NONE),
        (scoped(operator="NotIn", values=["research"]), PLAIN),
        (scoped(operator="NotIn", values=["x"]), BOTH),
        (scoped("Terminating", operator="Exists"), NONE),
    ],
)
def test_a_quota_with_scopes_counts_the_pools_that_match_all_of_them(
    quota: dict[str, Any], counted: tuple[str, ...]
) -> None:
    wishes = [Wish("high", {GPU: 2}, "research"), Wish("plain", {GPU: 1})]
    groups = {tuple(wish.pool for wish in listed): quotas for listed, quotas in by_wishes([quota], wishes)}
    assert groups == ({counted: [quota]} if counted else {BOTH: []})


def test_what_the_pools_of_a_quota_want_is_counted_together() -> None:
    assert wanted([Wish("a", {GPU: 2}), Wish("b", {GPU: 1, "amd.com/gpu": 1}), Wish("c")]) == {GPU: 3, "amd.com/gpu": 1}
