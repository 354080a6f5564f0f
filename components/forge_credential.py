"""ForgeCredential: the Secret from which the registrar mints registrations. Never holds a registration itself."""

from typing import Optional, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from components.labels import REPAIR_ANNOTATIONS, object_labels


class ForgeCredentialArgs(TypedDict):
    """The credential and where its Secret lives."""

    namespace: pulumi.Input[str]
    """The registrar's namespace: nobody else has a reason to be in it."""
    token: pulumi.Input[str]
    """A token of the forge that may register, list and remove runners of every granted scope."""


class ForgeCredential(pulumi.ComponentResource):
    """The forge's credential, in one immutable Secret with a name of its own per value.

    A new value is a new Secret, so the Deployment that names it rolls; the old one goes last.
    """

    secret_name: pulumi.Output[str]

    def __init__(self, name: str, args: ForgeCredentialArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:ForgeCredential", name, {}, opts)
        secret = k8s.core.v1.Secret(
            name,
            metadata={
                "namespace": args["namespace"],
                "labels": object_labels("registrar"),
                "annotations": REPAIR_ANNOTATIONS,
            },
            type="Opaque",
            immutable=True,
            string_data={"token": pulumi.Output.secret(args["token"])},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.secret_name = secret.metadata["name"]
        self.register_outputs({"secret_name": self.secret_name})
