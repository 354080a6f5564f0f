"""RegistrarGrant: what one namespace grants the registrar, and what its pods need to find and trust it."""

from typing import NotRequired, Optional, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from components.labels import object_metadata
from components.platform.job_credential import job_credential_files
from components.platform.registrar_pod import GRANTED_RULES, token_rules
from components.platform.role_grant import RoleGrant
from values.contract import (
    SERVICE_NAME,
    TRUST_CA_KEY,
    TRUST_CONFIG_MAP,
    TRUST_FORGE_CA_KEY,
    TRUST_FORGE_KEY,
    TRUST_QUEUE_KEY,
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
    job_accounts: list[str]
    """ServiceAccounts here as which jobs on the namespace's runners may act."""
    queue_url: NotRequired[str]
    """Where the autoscaler of its pools reads the queue; "" where it has none."""


class RegistrarGrant(pulumi.ComponentResource):
    """A Role for the registrar and a ConfigMap for the pods, which the registrar itself cannot write.

    Nor can a deployer: whoever could would redirect a pod, and its token, to a registrar of their own.
    """

    def __init__(self, name: str, args: RegistrarGrantArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:RegistrarGrant", name, {}, opts)
        namespace = args["namespace"]
        rules = [*GRANTED_RULES, *token_rules(args["job_accounts"])]
        grant = RoleGrant(SERVICE_NAME, namespace, rules, SERVICE_NAME, args["registrar_namespace"])
        grant.declare(self, name)
        trust = {TRUST_CA_KEY: args["ca"], TRUST_URL_KEY: args["url"], TRUST_FORGE_KEY: args["forge_kind"]}
        if args["forge_ca"]:
            trust[TRUST_FORGE_CA_KEY] = args["forge_ca"]
        if args["job_accounts"]:
            trust |= job_credential_files()
        if queue := args.get("queue_url"):
            trust[TRUST_QUEUE_KEY] = queue
        k8s.core.v1.ConfigMap(
            f"{name}-trust",
            metadata=object_metadata(SERVICE_NAME, TRUST_CONFIG_MAP, namespace),
            data=trust,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
