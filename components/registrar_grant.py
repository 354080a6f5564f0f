"""RegistrarGrant: what one namespace grants the registrar, and what its pods need to find and trust it."""

from typing import Optional, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from components.labels import REPAIR_ANNOTATIONS, object_labels
from components.registrar_pod import GRANTED_RULES
from registrar.contract import (
    SERVICE_NAME,
    TRUST_CA_KEY,
    TRUST_CONFIG_MAP,
    TRUST_FORGE_CA_KEY,
    TRUST_FORGE_KEY,
    TRUST_URL_KEY,
)


class RegistrarGrantArgs(TypedDict):
    """Both sides of the grant."""

    namespace: str
    """The namespace whose pods may become runners."""
    registrar_namespace: str
    """The namespace of the ServiceAccount that gets the rights."""
    url: str
    """Where the registrar answers."""
    ca: pulumi.Input[str]
    """PEM of the CA that signed its certificate."""
    forge_kind: str
    """`gitea` or `github`."""
    forge_ca: str
    """PEM of the forge's CA, which runners trust beside the public ones; "" for none."""


class RegistrarGrant(pulumi.ComponentResource):
    """A Role for the registrar and a ConfigMap for the pods, which the registrar itself cannot write.

    Nor can a deployer: whoever could would redirect a pod, and its token, to a registrar of their own.
    """

    def __init__(self, name: str, args: RegistrarGrantArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:RegistrarGrant", name, {}, opts)
        metadata: k8s.meta.v1.ObjectMetaArgsDict = {
            "name": SERVICE_NAME,
            "namespace": args["namespace"],
            "labels": object_labels(SERVICE_NAME),
            "annotations": REPAIR_ANNOTATIONS,
        }
        role = k8s.rbac.v1.Role(
            f"{name}-role", metadata=metadata, rules=GRANTED_RULES, opts=pulumi.ResourceOptions(parent=self)
        )
        k8s.rbac.v1.RoleBinding(
            f"{name}-binding",
            metadata=metadata,
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": SERVICE_NAME},
            subjects=[{"kind": "ServiceAccount", "name": SERVICE_NAME, "namespace": args["registrar_namespace"]}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
        )
        trust = {TRUST_CA_KEY: args["ca"], TRUST_URL_KEY: args["url"], TRUST_FORGE_KEY: args["forge_kind"]}
        if args["forge_ca"]:
            trust[TRUST_FORGE_CA_KEY] = args["forge_ca"]
        k8s.core.v1.ConfigMap(
            f"{name}-trust",
            metadata={**metadata, "name": TRUST_CONFIG_MAP},
            data=trust,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
