"""What of the whole cluster reaches into a stack's namespaces is named; what does not is not."""

from typing import Any

import pytest

from gpu_runners.review.core.reach import Reach

Json = dict[str, Any]
UP = "2026-11-26T10:00:00Z"
RBAC, ADMISSION = "rbac.authorization.k8s.io/v1", "admissionregistration.k8s.io/v1"
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dev", "labels": {"team": "ml"}}}
RUNNER = {"kind": "ServiceAccount", "namespace": "dev", "name": "runner"}


def binding(*subjects: Json, name: str = "evil", role: str = "cluster-admin", created: str = UP) -> Json:
    return {
        "apiVersion": RBAC, "kind": "ClusterRoleBinding", "roleRef": {"kind": "ClusterRole", "name": role},
        "metadata": {"name": name, "creationTimestamp": created, "managedFields": [{"manager": "m", "time": created}]},
        "subjects": list(subjects),
    }  # fmt: skip


def webhook(kind: str = "MutatingWebhookConfiguration", created: str = "2026-11-26T11:00:00Z", **hook: Any) -> Json:
    rules = [{"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}]
    fields = [{"manager": "m", "time": created}]
    return {
        "apiVersion": ADMISSION, "kind": kind, "webhooks": [{"name": "a.b.c", "rules": rules, **hook}],
        "metadata": {"name": "hook", "creationTimestamp": created, "managedFields": fields},
    }  # fmt: skip


def looked(*live: Json, up: str = UP) -> tuple[list[str], list[str]]:
    """What is drift, and what the notes say."""
    reach = Reach([NAMESPACE, *live], ["dev"], [], up)
    return [drift.live for drift in reach.drift()], reach.notes()


@pytest.mark.parametrize(
    "subject",
    [
        RUNNER,
        {"kind": "Group", "name": "system:serviceaccounts:dev"},
        {"kind": "User", "name": "system:serviceaccount:dev:runner"},
    ],
)
def test_rights_of_our_accounts_are_drift_however_old(subject: Json) -> None:
    (found,), _ = looked(binding(subject, created="2020-01-01T00:00:00Z"))
    assert found.startswith("gives ")
    assert "cluster-admin" in found


@pytest.mark.parametrize(
    "subject",
    [
        RUNNER | {"namespace": "other"},
        {"kind": "Group", "name": "system:serviceaccounts:dev2"},
        {"kind": "User", "name": "system:serviceaccount:other:runner"},
        {"kind": "User", "name": "dev"},
        {"kind": "Group", "name": "system:masters"},
    ],
)
def test_rights_of_others_are_no_matter_of_ours(subject: Json) -> None:
    assert looked(binding(subject)) == ([], [])


@pytest.mark.parametrize(
    "everybody",
    [
        {"kind": "Group", "name": "system:authenticated"},
        {"kind": "Group", "name": "system:serviceaccounts"},
        {"kind": "User", "name": "system:anonymous"},
    ],
)
def test_rights_of_everybody_are_ours_too_but_for_those_that_every_cluster_gives(everybody: Json) -> None:
    assert looked(binding(everybody, name="system:discovery", role="system:discovery")) == ([], [])
    assert looked(binding(everybody, name="system:discovery", role="cluster-admin", created="2026-11-27"))[0] != []
    assert looked(binding(everybody, created="2026-11-27"))[0] != []


def test_a_binding_in_another_namespace_of_our_account_is_found() -> None:
    other = binding(RUNNER) | {"kind": "RoleBinding"}
    other["metadata"]["namespace"] = "kube-system"
    assert looked(other)[0] == ["gives our account dev/runner the rights of ClusterRole cluster-admin"]
    other["metadata"]["namespace"] = "dev"
    assert looked(other)[0] == [], "in ours it is an object that nobody declares"


@pytest.mark.parametrize(
    "hook",
    [
        {},
        {"namespaceSelector": {"matchLabels": {"team": "ml"}}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "dev"}}},
        {"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}},
        {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["ml"]}]}},
        {"rules": [{"apiGroups": ["*"], "resources": ["*/*"]}]},
        {"rules": [{"apiGroups": ["apps"], "resources": ["deployments/scale"]}]},
        {"rules": [{"apiGroups": [""], "resources": ["persistentvolumeclaims"]}]},
        {"rules": [{"apiGroups": ["keda.sh"], "resources": ["scaledobjects"]}]},
        {"rules": [{"apiGroups": ["keda.sh"], "resources": ["triggerauthentications"]}]},
    ],
)
@pytest.mark.parametrize("kind", ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"])
def test_a_new_webhook_that_gets_our_objects_is_drift_and_an_old_one_is_named(kind: str, hook: Json) -> None:
    found, notes = looked(webhook(kind, **hook))
    assert ["a.b.c" in text for text in found] == [True]
    assert notes == []
    found, (note,) = looked(webhook(kind, created="2026-11-01T10:00:00Z", **hook))
    assert found == []
    assert "hook" in note


@pytest.mark.parametrize(
    "hook",
    [
        {"namespaceSelector": {"matchLabels": {"team": "other"}}},
        {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["ml"]}]}},
        {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}},
        {"rules": [{"apiGroups": ["cert-manager.io"], "resources": ["*"]}]},
        {"rules": []},
    ],
)
def test_a_webhook_that_never_gets_our_objects_is_no_matter(hook: Json) -> None:
    assert looked(webhook(**hook)) == ([], [])


def policy_of(binding_labels: Json, policy_labels: Json, group: str = "") -> list[Json]:
    rules = [{"apiGroups": [group], "resources": ["pods"]}]
    constraints = {"namespaceSelector": {"matchLabels": policy_labels}, "resourceRules": rules}
    return [
        {"apiVersion": ADMISSION, "kind": "MutatingAdmissionPolicy", "metadata": {"name": "p"},
         "spec": {"matchConstraints": constraints}},
        {"apiVersion": ADMISSION, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": "b"},
         "spec": {"policyName": "p", "matchResources": {"namespaceSelector": {"matchLabels": binding_labels}}}},
    ]  # fmt: skip


def test_a_policy_reaches_what_it_and_its_binding_match() -> None:
    assert looked(*policy_of({}, {}))[0] == ["changes objects of our namespaces (policy p)"]
    assert looked(policy_of({}, {})[1])[0] != [], "a policy that may not be read may match"
    assert looked(*policy_of({"team": "x"}, {})) == looked(*policy_of({}, {"team": "x"})) == ([], [])
    assert looked(*policy_of({}, {}, group="cert-manager.io")) == ([], [])


def test_an_old_webhook_that_was_changed_is_new_and_a_renewed_certificate_is_no_change() -> None:
    old = webhook(created="2026-11-01T10:00:00Z")
    bundle: Json = {"f:webhooks": {'k:{"name":"a.b.c"}': {"f:clientConfig": {"f:caBundle": {}}}}}
    old["metadata"]["managedFields"].append({"manager": "ca", "time": "2026-11-26T12:00:00Z", "fieldsV1": bundle})
    assert looked(old)[0] == []
    bundle["f:webhooks"]['k:{"name":"a.b.c"}']["f:rules"] = {}
    assert looked(old)[0] != []


def test_a_webhook_that_does_not_say_when_it_was_written_is_new() -> None:
    old = webhook(created="2026-11-01T10:00:00Z")
    old["metadata"]["managedFields"] = []
    assert looked(old)[0] != []


POLICY_OLD, POLICY_CHANGED = "2026-11-01T10:00:00Z", "2026-11-26T10:00:01Z"


@pytest.mark.parametrize(("written", "is_drift"), [(POLICY_OLD, False), (POLICY_CHANGED, True)])
def test_a_policy_that_was_changed_is_new_however_old_its_binding(written: str, is_drift: bool) -> None:
    policy, bound = policy_of({}, {})
    for it, time in ((policy, written), (bound, POLICY_OLD)):
        fields = [
            {"manager": "m", "time": time},
            {"manager": "c", "time": "2027-01-01T00:00:00Z", "subresource": "status"},
        ]
        it["metadata"] |= {"creationTimestamp": POLICY_OLD, "managedFields": fields}
    found, notes = looked(policy, bound)
    assert (bool(found), bool(notes)) == (is_drift, not is_drift)


@pytest.mark.parametrize("up", ["2026-11-26T20:00:00.123456789+10:00", "2026-11-26T05:00:00.5-05:00", UP])
def test_the_last_up_counts_at_its_own_time_wherever_it_ran(up: str) -> None:
    assert looked(webhook(created="2026-11-26T09:59:50Z"), up=up)[0] == []
    assert looked(webhook(created="2026-11-26T10:00:05Z"), up=up)[0] != []


@pytest.mark.parametrize("up", ["", "yesterday", "2026-11-26", "2026-11-26T10:00:00"])
def test_without_a_time_of_the_last_up_everything_is_new(up: str) -> None:
    assert looked(webhook(created="2020-01-01T00:00:00Z"), up=up)[0] != []


@pytest.mark.parametrize(
    ("name", "role"),
    [("cluster-admin", "cluster-admin"), ("system:discovery", "cluster-admin"), ("evil", "system:discovery")],
)
def test_rights_of_everybody_are_ours_whatever_name_they_go_by(name: str, role: str) -> None:
    everybody = {"kind": "Group", "name": "system:authenticated"}
    live, notes = looked(binding(everybody, name=name, role=role, created="2026-11-26T11:00:00Z"))
    assert any("everybody (system:authenticated)" in line for line in (*live, *notes))


def test_what_nobody_claims_is_dated_by_its_birth() -> None:
    unclaimed = binding(RUNNER, created="2026-11-26T11:00:00Z")
    del unclaimed["metadata"]["managedFields"]
    (drift,) = Reach([NAMESPACE, unclaimed], ["dev"], [], UP).drift()
    assert (drift.who, drift.when) == ("unknown", "2026-11-26T11:00:00Z")
