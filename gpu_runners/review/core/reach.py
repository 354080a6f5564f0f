"""Objects of the whole cluster that reach into a stack's namespaces: rights of its accounts, and who changes or refuses
its objects on their way in.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from gpu_runners.review.core.evidence import Json, Key, key_of, name_of
from gpu_runners.review.core.findings import Drift, Kind

BINDING_KINDS: Final = frozenset({"ClusterRoleBinding.rbac.authorization.k8s.io"})
WEBHOOK_KINDS: Final = frozenset(
    {
        "MutatingWebhookConfiguration.admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration.admissionregistration.k8s.io",
    }
)
POLICY_KINDS: Final = frozenset(
    {
        "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io",
    }
)
_POLICY_OF: Final = {
    "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io":
        "MutatingAdmissionPolicy.admissionregistration.k8s.io",
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io":
        "ValidatingAdmissionPolicy.admissionregistration.k8s.io",
}  # fmt: skip
KINDS: Final = BINDING_KINDS | WEBHOOK_KINDS | POLICY_KINDS | frozenset(_POLICY_OF.values())
ROLE_BINDING: Final = "RoleBinding.rbac.authorization.k8s.io"
_COUNTED: Final = timedelta(seconds=1)  # the API server writes no parts of a second
UP_LEAVES: Final = (
    "nothing: it is no stack's of this program; whoever runs the cluster takes it out, or an `up` accepts it"
)
UP_NEVER: Final = "nothing: it is no stack's of this program; whoever runs the cluster takes it out"

# Every account of a cluster has these by its API server's own hand (plugin/pkg/auth/authorizer/rbac/bootstrappolicy).
_EVERYBODYS: Final = frozenset(
    {
        "system:basic-user", "system:discovery", "system:public-info-viewer", "system:service-account-issuer-discovery",
        "system:monitoring",
    }
)  # fmt: skip
_ACCOUNTS: Final = "system:serviceaccounts"
_ALL: Final = frozenset({_ACCOUNTS, "system:authenticated", "system:unauthenticated"})
_ANONYMOUS: Final = "system:anonymous"  # whoever shows nothing, as a job's code may
_OURS: Final = frozenset(
    {
        ("", "pods"), ("", "configmaps"), ("", "secrets"), ("", "services"), ("", "serviceaccounts"),
        ("", "resourcequotas"), ("", "namespaces"), ("", "persistentvolumeclaims"), ("apps", "deployments"),
        ("apps", "replicasets"), ("keda.sh", "scaledobjects"), ("keda.sh", "triggerauthentications"),
        ("autoscaling", "horizontalpodautoscalers"),
        ("networking.k8s.io", "networkpolicies"), ("rbac.authorization.k8s.io", "roles"),
        ("rbac.authorization.k8s.io", "rolebindings"), ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    }
)  # fmt: skip


class Reach:
    """A stack's namespaces with their labels, and when its last `up` ended."""

    def __init__(
        self,
        live: Iterable[Json],
        namespaces: Collection[str],
        declared: Collection[Key],
        brought_up: str,
    ) -> None:
        self._live = list(live)
        self._namespaces, self._declared = frozenset(namespaces), declared
        self._brought_up = _time(brought_up)
        self._policies = {key_of(actual): actual for actual in self._live if key_of(actual)[0] in _POLICY_OF.values()}
        self._labels = {
            key_of(actual)[2]: (actual.get("metadata") or {}).get("labels") or {}
            for actual in self._live
            if key_of(actual)[0] == "Namespace"
        }

    def drift(self) -> list[Drift]:
        """Rights that our own accounts were given, and whatever else came or changed since the last `up`."""
        drifts = []
        for actual in self._live:
            why, always = self._reach(actual)
            if why and (always or self._is_new(actual)):
                drifts.append(_drift(actual, why, UP_NEVER if always else UP_LEAVES))
        return drifts

    def notes(self) -> list[str]:
        """What reached into our namespaces at the last `up` already."""
        names = []
        for actual in self._live:
            why, always = self._reach(actual)
            if why and not always and not self._is_new(actual):
                names.append(str(name_of(actual)))
        if not names:
            return []
        listed = ", ".join(sorted(names))
        return [f"These of the cluster reached into the stack's namespaces at the last `up` already: {listed}."]

    def _reach(self, actual: Json) -> tuple[str, bool]:
        """How it reaches us, "" if it does not; and whether nobody but this stack has any business with that."""
        key = key_of(actual)
        kind, namespace, _ = key
        if key in self._declared:
            return "", False
        if kind in BINDING_KINDS or (kind == ROLE_BINDING and namespace not in self._namespaces):
            return self._rights(actual)
        if kind in WEBHOOK_KINDS:
            names = [str(hook.get("name", "")) for hook in actual.get("webhooks") or () if self._matches(hook)]
            verb = "changes" if kind.startswith("Mutating") else "may refuse"
            return (f"{verb} objects of our namespaces ({', '.join(names)})" if names else ""), False
        if kind in POLICY_KINDS:
            spec, policy = actual.get("spec") or {}, _policy_name(actual)
            verb = "changes" if kind.startswith("Mutating") else "may refuse"
            matching = self._admits((_POLICY_OF[kind], "", policy), spec.get("matchResources") or {})
            return (f"{verb} objects of our namespaces (policy {policy})" if matching else ""), False
        return "", False

    def _rights(self, binding: Json) -> tuple[str, bool]:
        role = binding.get("roleRef") or {}
        words = f"gives {{}} the rights of {role.get('kind')} {role.get('name')}"
        broad = ""
        for subject in binding.get("subjects") or ():
            kind, name = subject.get("kind"), str(subject.get("name", ""))
            if kind == "ServiceAccount" and subject.get("namespace") in self._namespaces:
                return words.format(f"our account {subject.get('namespace')}/{name}"), True
            place = name.removeprefix("system:serviceaccount:").partition(":")[0]
            if kind == "User" and name.startswith("system:serviceaccount:") and place in self._namespaces:
                return words.format(f"our account {name}"), True
            if kind == "Group" and name.removeprefix(f"{_ACCOUNTS}:") in self._namespaces:
                return words.format(f"all accounts of our namespace {name}"), True
            if (kind == "Group" and name in _ALL) or (kind == "User" and name == _ANONYMOUS):
                broad = name
        names = {str((binding.get("metadata") or {}).get("name", "")), str(role.get("name", ""))}
        if not broad or (len(names) == 1 and names <= _EVERYBODYS):
            return "", False
        return words.format(f"everybody ({broad})"), False

    def _matches(self, hook: Mapping[str, Any]) -> bool:
        return self._in_namespaces(hook.get("namespaceSelector")) and any(map(_gets_ours, hook.get("rules") or ()))

    def _admits(self, policy: Key, binding: Mapping[str, Any]) -> bool:
        """Whether a policy is asked about objects of ours; one that is not to be seen may be."""
        own = ((self._policies.get(policy) or {}).get("spec") or {}).get("matchConstraints") or {}
        return all(
            self._in_namespaces(match.get("namespaceSelector"))
            and (not match.get("resourceRules") or any(map(_gets_ours, match["resourceRules"])))
            for match in (own, binding)
        )

    def _in_namespaces(self, selector: Any) -> bool:
        return any(_selects(selector or {}, self._labels_of(namespace)) for namespace in self._namespaces)

    def _labels_of(self, namespace: str) -> Mapping[str, Any]:
        return {"kubernetes.io/metadata.name": namespace, **self._labels.get(namespace, {})}

    def _is_new(self, actual: Json) -> bool:
        """Since the last `up`, it or the policy that it binds."""
        policy = self._policies.get((_POLICY_OF.get(key_of(actual)[0], ""), "", _policy_name(actual)))
        return any(map(self._was_written, filter(None, (actual, policy))))

    def _was_written(self, actual: Json) -> bool:
        """A certificate that its own controller renews in a webhook is no change of it."""
        metadata = actual.get("metadata") or {}
        times = [metadata.get("creationTimestamp")]
        times += [
            entry.get("time")
            for entry in metadata.get("managedFields") or ()
            if entry.get("subresource") != "status" and not _is_certificate(entry.get("fieldsV1") or {})
        ]
        known = [time for time in map(_time, times) if time is not None]
        if self._brought_up is None or len(known) < len(times) or not metadata.get("managedFields"):
            return True
        return max(known) + _COUNTED > self._brought_up


def _time(text: Any) -> datetime | None:
    """A time of the API server's, or of Pulumi's, which writes that of the machine that ran it with its offset."""
    try:
        time = datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        return None
    return time if time.tzinfo else None


def _policy_name(binding: Json) -> str:
    return str((binding.get("spec") or {}).get("policyName", ""))


def _is_certificate(fields: Mapping[str, Any]) -> bool:
    """Whether a claim is one to nothing but webhooks' CA bundles."""

    def only(part: Mapping[str, Any]) -> bool:
        return all(
            key == "f:caBundle" or (key == "." and False) or (bool(inner) and only(inner))
            for key, inner in part.items()
        )

    return bool(fields) and set(fields) == {"f:webhooks"} and only(fields)


def _gets_ours(rule: Mapping[str, Any]) -> bool:
    return any(
        _covers(rule.get("apiGroups"), group) and _covers_resource(rule.get("resources"), resource)
        for group, resource in _OURS
    )


def _covers(names: Any, name: str) -> bool:
    return isinstance(names, Sequence) and any(entry in ("*", name) for entry in names)


def _covers_resource(names: Any, name: str) -> bool:
    """`pods`, `pods/*`, `*`, `*/*`: a subresource reaches the object as well."""
    return isinstance(names, Sequence) and any(str(entry).partition("/")[0] in ("*", name) for entry in names)


def _selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """A label selector, as the API server reads it; an operator that it does not know selects."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for expression in selector.get("matchExpressions") or ():
        key, values = expression.get("key"), expression.get("values") or ()
        operator = expression.get("operator")
        if (
            (operator == "In" and labels.get(key) not in values)
            or (operator == "NotIn" and labels.get(key) in values)
            or (operator == "Exists" and key not in labels)
            or (operator == "DoesNotExist" and key in labels)
        ):
            return False
    return True


def _drift(actual: Json, why: str, up: str) -> Drift:
    metadata = actual.get("metadata") or {}
    last: Json = max(metadata.get("managedFields") or (), key=lambda entry: str(entry.get("time", "")), default={})
    return Drift(
        kind=Kind.UNDECLARED,
        what=str(name_of(actual)),
        field="",
        declared="-",
        live=why,
        who=str(last.get("manager", "")) or "unknown",
        when=str(last.get("time", "") or metadata.get("creationTimestamp", "")) or "unknown",
        up=up,
    )
