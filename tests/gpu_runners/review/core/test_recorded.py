"""What was done by hand on the lab is found, with who and when; what was not, is not."""

import json

import pytest

from gpu_runners.exit_code import ExitCode
from gpu_runners.review.core import pending
from gpu_runners.review.core.evidence import Declared, Evidence, namespaces
from gpu_runners.review.core.findings import Drift, Kind, ObjectName
from gpu_runners.review.core.markdown import markdown, verdict
from tests.gpu_runners.review.core.recorded import evidence, reviewed

POD = "spec.template.spec"


def drift(field: str) -> Drift:
    (found,) = [item for item in reviewed(evidence("drifted")).drift if item.field == field]
    return found


def test_an_untouched_stack_is_clean() -> None:
    review = reviewed(evidence("clean"))
    assert review.exit_code == ExitCode.DONE
    assert verdict(review) == "✅ review: nothing to change, no drift"


@pytest.mark.parametrize(
    ("field", "kind", "live", "who"),
    [
        (f"{POD}.tolerations", Kind.CHANGED, '[{"key": "spot", "operator": "Exists"}]', "kubectl-edit"),
        (f"{POD}.hostNetwork", Kind.ADDED, "true", "kubectl-patch"),
        (f"{POD}.volumes[root]", Kind.ADDED, '{"hostPath": {"path": "/"', "kubectl-patch"),
        (f"{POD}.containers[sidecar]", Kind.ADDED, '{"image": "lab.local/pause:lab"', "kubectl-patch"),
        (f"{POD}.containers[runner].env[AWS_SECRET]", Kind.ADDED, '{"name": "AWS_SECRET"', "kubectl-edit"),
        ("metadata.labels.team", Kind.ADDED, "x", "kubectl-label"),
        ("spec.replicas", Kind.CHANGED, "2", "kubectl (scale)"),
    ],
)
def test_every_field_that_was_changed_by_hand_is_found(field: str, kind: Kind, live: str, who: str) -> None:
    finding = drift(field)
    assert (finding.kind, finding.who) == (kind, who)
    assert finding.live.startswith(live)


def test_a_field_says_when_it_was_changed() -> None:
    assert drift(f"{POD}.hostNetwork").when.startswith("2026-11-24T")


def test_a_container_put_first_is_one_difference_and_not_one_for_each_field_of_its_neighbours() -> None:
    assert len(reviewed(evidence("drifted")).drift) == 9


def test_a_foreign_role_binding_is_found_with_who_made_it() -> None:
    (finding,) = [entry for entry in reviewed(evidence("drifted")).drift if entry.kind is Kind.UNDECLARED]
    assert (finding.what, finding.who) == ("RoleBinding review-pools/evil", "kubectl-create")


def test_objects_that_another_stack_declares_are_no_drift() -> None:
    document = evidence("clean")
    for live in document["live"]:
        if live["kind"] not in ("Pod", "Deployment"):
            live["metadata"].pop("labels", None)  # by which they would be known as well
    assert len(reviewed(document | {"elsewhere": []}).drift) > 5
    assert [drift.kind for drift in reviewed(document).drift if drift.kind is Kind.UNDECLARED] == []


def test_a_runner_that_was_registered_by_hand_is_found() -> None:
    (finding,) = [entry for entry in reviewed(evidence("drifted")).drift if entry.kind is Kind.RUNNER]
    assert finding.what == "Runner mallory in mlops/review"


def test_drift_that_a_pending_change_overwrites_says_so() -> None:
    assert "pending" in drift("spec.replicas").up
    assert "make repair" in drift("metadata.labels.team").up
    assert "anyway" in drift(f"{POD}.tolerations").up


def test_pending_changes_and_drift_are_kept_apart() -> None:
    review = reviewed(evidence("drifted"))
    assert [(change.resource, change.before, change.after) for change in review.changes if change.field] == [
        ("Deployment review-pools-reviewed", "1", "3"),
    ], "the ConfigMap on which `up` waits follows the pools and says no more"


def test_a_configmap_of_that_name_which_is_no_wait_is_shown() -> None:
    document = evidence("drifted")
    (wait,) = [step for step in document["preview"]["steps"] if step["urn"].endswith("ConfigMap::pools-review")]
    wait["urn"] = wait["urn"].replace("gpu-runners:index:OnlinePools$", "")
    assert [change for change in reviewed(document).changes if change.resource == "ConfigMap pools-review"]


def test_a_change_that_is_not_shown_says_so_once() -> None:
    document = evidence("drifted")
    for step in document["preview"]["steps"]:
        step["urn"] = step["urn"].replace("gpu-runners:index:OnlinePools$", "")
    text = markdown(reviewed(document))
    assert "(not shown)` → `(not shown)" not in text
    assert "changed, not shown" in text


def test_capacity_and_its_price_come_first_after_the_verdict() -> None:
    lines = markdown(reviewed(evidence("drifted"))).splitlines()
    assert lines[2].startswith("### ⚠️ review: drift in 9 places; 1 to create")
    assert lines[4] == "- **reviewed**: 1 → 3 GPUs, +2 × A100-SIMULATED"
    assert lines[5] == "- **large**: 0 → 2 GPUs, +2 × H100-80GB-HBM3; est. +$3,650/month"


@pytest.mark.parametrize("missing", ["live", "runners", "refresh"])
def test_what_could_not_be_read_is_unknown_and_never_no_drift(missing: str) -> None:
    document = evidence("clean") | {missing: None, "unread": [f"{missing}: no answer"]}
    review = reviewed(document)
    assert review.exit_code == ExitCode.FAILED
    assert "unknown" in verdict(review)
    assert "no drift" not in markdown(review)


def test_what_nobody_was_to_read_is_named_beside_the_verdict() -> None:
    assert "not looked at: secrets" in verdict(reviewed(evidence("clean") | {"left_out": ["secrets"]}))


def test_a_program_that_fails_still_shows_its_drift() -> None:
    review = reviewed(evidence("drifted") | {"preview": None, "failure": "error: no such key"})
    assert review.exit_code == ExitCode.FAILED
    assert len(review.drift) == 9
    assert "error: no such key" in markdown(review)


@pytest.mark.parametrize("annotation", ["deployment.kubernetes.io/revision", "kubectl.kubernetes.io/restartedAt"])
def test_bookkeeping_of_the_cluster_is_no_drift(annotation: str) -> None:
    document = evidence("clean")
    (deployment,) = [live for live in document["live"] if live["kind"] == "Deployment"]
    deployment["metadata"]["annotations"][annotation] = "7"
    fields = {"f:metadata": {"f:annotations": {f"f:{annotation}": {}}}, "f:status": {"f:replicas": {}}}
    entry = {"manager": "x", "operation": "Update", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields}
    deployment["metadata"]["managedFields"].append(entry)
    assert reviewed(document).drift == ()


def test_replicas_of_an_autoscaled_pool_are_no_drift() -> None:
    document = evidence("clean")
    (pool,) = [entry for entry in document["state"] if entry["type"] == "kubernetes:apps/v1:Deployment"]
    pool["ignoreChanges"] = ["spec.replicas"]
    (deployment,) = [live for live in document["live"] if live["kind"] == "Deployment"]
    deployment["spec"]["replicas"] = 9
    entry = {"manager": "keda", "operation": "Update", "time": "", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    deployment["metadata"]["managedFields"].append(entry)
    assert reviewed(document).drift == ()


def test_the_next_up_that_goes_on_with_a_failed_one_is_announced() -> None:
    document = evidence("clean")
    step = {"op": "update", "urn": "urn:pulumi:s::p::kubernetes:apps/v1:Deployment::pool", "detailedDiff": {}}
    document["preview"]["steps"] = [{**step, "oldState": {"custom": True, "initErrors": ["late"]}}]
    assert "did not finish with Deployment pool" in markdown(reviewed(document))


RULE = {"policyName": "gpu-budget", "enforcementLevel": "mandatory", "message": "found 5 GPUs; allowed: 1"}


def test_a_mandatory_rule_is_a_violation_and_no_failure_of_the_program() -> None:
    stopped = {"failure": "error: preview failed", "violations": [{"policyEvent": RULE}]}
    review = reviewed(evidence("drifted") | stopped)
    assert (review.failure, review.exit_code) == ("", ExitCode.FOUND)
    assert verdict(review).startswith("🛑 review: drift in 9 places")
    assert "gpu-budget" in markdown(review)


def test_a_preview_that_failed_without_a_violation_is_a_failure() -> None:
    assert reviewed(evidence("drifted") | {"failure": "error: preview failed"}).exit_code == ExitCode.FAILED


def test_what_a_program_that_cannot_be_previewed_says_is_shown() -> None:
    document = evidence("clean")
    document["preview"] = {
        "steps": [],
        "diagnostics": [
            {"severity": "error", "message": "error: first\n"},
            {"severity": "info", "message": "print"},
            {"severity": "error", "message": "error: second"},
        ],
    }
    assert reviewed(document).failure == "error: first\nerror: second"


@pytest.mark.parametrize(
    ("currency", "shown"), [("EUR", "EUR"), ("€", "€"), (None, "$"), ("<img src=x>", "$"), ("", "$"), (7, "$")]
)
def test_a_currency_is_three_letters_or_a_sign_and_a_dollar_else(currency: object, shown: str) -> None:
    document = evidence("clean")
    document["prices"] = {} if currency is None else {"currency": currency}
    assert reviewed(document).currency == shown


def test_the_object_of_several_drifts_is_named_once() -> None:
    review = reviewed(evidence("drifted"))
    several = next(drift.what for drift in review.drift if sum(other.what == drift.what for other in review.drift) > 1)
    table = markdown(review).partition("**Drift**")[2] or markdown(review)
    assert table.count(f"**{several}**") == 1


def test_what_is_new_says_so() -> None:
    document = evidence("clean") | {"is_new": True}
    assert reviewed(document).notes != reviewed(evidence("clean")).notes


def test_evidence_comes_back_from_its_document_as_it_was() -> None:
    document = evidence("drifted") | {"violations": [{"policyName": "p", "message": "m"}]}
    once = Evidence.from_json(document)
    assert isinstance(once.violations, tuple)
    assert Evidence.from_json(json.loads(json.dumps(once.to_json()))) == once


def test_a_stack_looks_into_the_namespaces_that_it_declares_and_those_that_it_declares_anything_in() -> None:
    def one(kind: str, namespace: str, name: str) -> Declared:
        named = ObjectName(kind=kind, namespace=namespace, name=name, version="v1")
        return Declared(name=named, urn="", inputs={}, outputs={}, field_manager="")

    objects = [one("Namespace", "", "dev"), one("Secret", "system", "a"), one("ClusterRole", "", "broad")]
    assert namespaces(objects) == ["dev", "system"]


def test_what_the_next_up_makes_or_deletes_is_told_whole() -> None:
    def step(op: str) -> dict[str, object]:
        state = {"custom": True, "type": "kubernetes:core/v1:Secret"}
        return {"op": op, "urn": "urn:pulumi:dev::p::kubernetes:core/v1:Secret::s", "newState": state}

    (made,) = pending.changes({"steps": [step("create")]})
    assert (made.field, made.before, made.after) == ("", "", "")
    assert pending.touched({"steps": [step("create")]}) == {step("create")["urn"]: [""]}
    assert pending.touched({"steps": [step("same")]}) == {}


def test_a_time_is_told_in_words_of_people() -> None:
    table = markdown(reviewed(evidence("drifted")))
    times = [drift.when for drift in reviewed(evidence("drifted")).drift if drift.when != "unknown"]
    day, hour = times[0][:10], times[0][11:16]
    assert f"{day} {hour} UTC" in table
