"""RunnerAdmission: what the API server refuses in a namespace of runners, whoever asks.

A ValidatingAdmissionPolicy belongs to the cluster, so its name carries the namespace. Quota and Pod Security are the
namespace's own; `admission/` says what is admitted.
"""

from typing import Optional

import pulumi
import pulumi_kubernetes as k8s

from components.labels import REPAIR_ANNOTATIONS, object_labels
from components.platform.admission.grants import AdmissionGrants
from components.platform.admission.policies import Policy, policies


class RunnerAdmission(pulumi.ComponentResource):
    """Policies, and the bindings that make them deny."""

    def __init__(self, name: str, args: AdmissionGrants, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:RunnerAdmission", name, {}, opts)
        for policy in policies(args):
            self._declare(name, args["namespace"], policy)
        self.register_outputs({})

    def _declare(self, name: str, namespace: str, policy: Policy) -> None:
        metadata: k8s.meta.v1.ObjectMetaArgsDict = {
            "name": f"{namespace}-{policy.suffix}",
            "labels": object_labels("runners"),
            "annotations": REPAIR_ANNOTATIONS,
        }
        child = pulumi.ResourceOptions(parent=self)
        declared = k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
            f"{name}-policy{policy.child}", metadata=metadata, spec=policy.spec, opts=child
        )
        k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
            f"{name}-binding{policy.child}",
            metadata=metadata,
            spec={"policy_name": declared.metadata["name"], "validation_actions": ["Deny"]},
            opts=child,
        )
