"""RunnerAdmission: what the API server refuses in a namespace of runners, whoever asks.

A ValidatingAdmissionPolicy belongs to the cluster, so its name carries the namespace. It judges pods and, so that `up`
fails at once and not its pods later, Deployments. Quota and Pod Security are the namespace's own.
"""

from typing import Final, Optional, TypeAlias, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from components.labels import NAMESPACE_NAME_LABEL, REPAIR_ANNOTATIONS, object_labels
from values.contract import REGISTRATION_CONTAINER, RUNNER_CONTAINER
from values.image import image_pattern

# A pod and a pod template hold the same spec; every container of it is looked at in the same way.
_VARIABLES: Final = {
    "spec": "object.kind == 'Pod' ? object.spec : object.spec.template.spec",
    "before": "variables.spec.?initContainers.orValue([])",
    "containers": "variables.before + variables.spec.containers",
    "volumes": "variables.spec.?volumes.orValue([])",
}

# Quoted, so that a stack which makes no policy does not load the module.
Validation: TypeAlias = "k8s.admissionregistration.v1.ValidationArgsDict"


class RunnerAdmissionArgs(TypedDict):
    """What may run in the namespace."""

    namespace: str
    """Its name."""
    accounts: list[str]
    """ServiceAccounts that pods may run as."""
    images: list[str]
    """Images that containers may run, or what their names begin with up to a `/`; empty for any."""
    image_tags_allowed: bool
    """Whether an image may lack a digest."""


def validations(args: RunnerAdmissionArgs) -> list[Validation]:
    """The promises, one by one: a CEL expression that must hold and what is said where it does not."""
    accounts = ", ".join(f"'{account}'" for account in args["accounts"])
    pattern = image_pattern(args["images"], tags_allowed=args["image_tags_allowed"])
    allowed = f"images: {', '.join(args['images']) or 'any'}{'' if args['image_tags_allowed'] else ', each by digest'}"
    return [
        _validation(
            f"variables.spec.containers.all(c, c.name == '{RUNNER_CONTAINER}') && "
            f"variables.before.all(c, c.name == '{REGISTRATION_CONTAINER}') && "
            "!has(variables.spec.ephemeralContainers)",
            f"containers: only `{RUNNER_CONTAINER}` and before it `{REGISTRATION_CONTAINER}`",
        ),
        _validation(f"variables.containers.all(c, c.image.matches(r'{pattern}'))", allowed),
        _validation(
            f"variables.spec.?serviceAccountName.orValue('default') in [{accounts}]",
            f"ServiceAccounts: {', '.join(args['accounts'])}",
        ),
        _validation(
            "variables.volumes.all(v, has(v.emptyDir) || has(v.configMap) || (has(v.projected) && "
            "v.projected.sources.all(s, !has(s.secret))))",
            "volumes: emptyDir, configMap and projected without a Secret",
        ),
        _validation(
            "variables.containers.all(c, c.?envFrom.orValue([]).all(e, !has(e.secretRef)) && "
            "c.?env.orValue([]).all(e, !has(e.valueFrom) || !has(e.valueFrom.secretKeyRef)))",
            "variables: none from a Secret",
        ),
        _validation(
            "!variables.spec.?hostNetwork.orValue(false) && !variables.spec.?hostPID.orValue(false) && "
            "!variables.spec.?hostIPC.orValue(false)",
            "hostNetwork, hostPID, hostIPC: false",
        ),
    ]


def _validation(expression: str, allowed: str) -> Validation:
    cure = "declare a pool, or have the platform's environment changed"
    return {"expression": expression, "message": f"allowed in a namespace of runners: {allowed}; cure: {cure}"}


class RunnerAdmission(pulumi.ComponentResource):
    """A policy and the binding that makes it deny."""

    def __init__(self, name: str, args: RunnerAdmissionArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:RunnerAdmission", name, {}, opts)
        metadata: k8s.meta.v1.ObjectMetaArgsDict = {
            "name": f"{args['namespace']}-runner-pods",
            "labels": object_labels("runners"),
            "annotations": REPAIR_ANNOTATIONS,
        }
        policy = k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
            f"{name}-policy", metadata=metadata, spec=policy_spec(args), opts=pulumi.ResourceOptions(parent=self)
        )
        k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
            f"{name}-binding",
            metadata=metadata,
            spec={"policy_name": policy.metadata["name"], "validation_actions": ["Deny"]},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def policy_spec(args: RunnerAdmissionArgs) -> "k8s.admissionregistration.v1.ValidatingAdmissionPolicySpecArgsDict":
    """Judges what is created, and a change of a spec: a pod that is older than the policy can still be finished."""
    selector = {"match_labels": {NAMESPACE_NAME_LABEL: args["namespace"]}}
    return {
        "failure_policy": "Fail",
        "match_constraints": {
            "match_policy": "Equivalent",
            "namespace_selector": selector,
            "object_selector": {},
            "resource_rules": [
                _rule("", ["pods", "pods/ephemeralcontainers"]),
                _rule("apps", ["deployments"]),
            ],
        },
        "match_conditions": [
            {"name": "spec-changes", "expression": "request.operation == 'CREATE' || object.spec != oldObject.spec"}
        ],
        "variables": [{"name": name, "expression": expression} for name, expression in _VARIABLES.items()],
        "validations": validations(args),
    }


def _rule(group: str, resources: list[str]) -> "k8s.admissionregistration.v1.NamedRuleWithOperationsArgsDict":
    return {
        "api_groups": [group],
        "api_versions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": resources,
        "scope": "Namespaced",
    }
