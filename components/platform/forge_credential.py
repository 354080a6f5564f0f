"""ForgeCredential: the Secret from which the registrar mints registrations. Never holds a registration itself."""

from typing import NotRequired, Optional, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from components.labels import REPAIR_ANNOTATIONS, object_labels
from values.contract import APP_ID_FILE, APP_INSTALLATION_FILE, APP_KEY_FILE
from values.credential import Credential


class GitHubApp(TypedDict):
    """A GitHub App, which mints tokens of one hour that may do no more than the registrar needs."""

    app_id: pulumi.Input[str]
    """Its number or client ID."""
    installation_id: NotRequired[pulumi.Input[str]]
    """The installation; without it, the registrar finds the one of each scope."""
    private_key: pulumi.Input[str]
    """Its key in PEM."""


class ForgeCredentialArgs(TypedDict):
    """The credential, of one kind or the other, and where its Secret lives."""

    namespace: pulumi.Input[str]
    """The registrar's namespace: nobody else has a reason to be in it."""
    token: NotRequired[pulumi.Input[str]]
    """A token of the forge that may register, list and remove runners of every granted scope."""
    app: NotRequired[GitHubApp]
    """A GitHub App that is installed where the granted scopes are."""


def credential_args(credential: Credential, namespace: pulumi.Input[str]) -> ForgeCredentialArgs:
    """What a ForgeCredential in that namespace takes; secrets leave as secrets."""
    if not credential.app_id:
        return {"namespace": namespace, "token": pulumi.Output.secret(credential.token)}
    app: GitHubApp = {"app_id": credential.app_id, "private_key": pulumi.Output.secret(credential.private_key)}
    if credential.installation_id:
        app["installation_id"] = credential.installation_id
    return {"namespace": namespace, "app": app}


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
            string_data=_files(args),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.secret_name = secret.metadata["name"]
        self.register_outputs({"secret_name": self.secret_name})


def _files(args: ForgeCredentialArgs) -> dict[str, pulumi.Input[str]]:
    """The files that the registrar finds in its credential's folder."""
    if ("token" in args) == ("app" in args):
        raise pulumi.RunError("ForgeCredential: give either `token` or `app`, and not both")
    if "app" not in args:
        return {"token": pulumi.Output.secret(args["token"])}
    app = args["app"]
    files: dict[str, pulumi.Input[str]] = {
        APP_ID_FILE: app["app_id"],
        APP_KEY_FILE: pulumi.Output.secret(app["private_key"]),
    }
    return {**files, APP_INSTALLATION_FILE: app["installation_id"]} if "installation_id" in app else files
