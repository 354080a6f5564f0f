"""RegistrarNamespace: the namespace that holds the forge's credential."""

from typing import NotRequired, Optional, TypedDict

import pulumi

from components.labels import object_labels
from components.platform.namespace import declare_namespace
from components.platform.pull_secrets import declare_pull_secrets
from components.platform.runner_namespace import pod_security_labels
from values.contract import SERVICE_NAME


class RegistrarNamespaceArgs(TypedDict):
    """The registrar's namespace."""

    namespace: str
    """Its name."""
    pod_security_version: str
    """The version of the `restricted` profile, e.g. `v1.35`."""
    made_pull_secrets: NotRequired[dict[str, pulumi.Input[str]]]
    """Pull Secrets that are made here: name and content, a `.dockerconfigjson`."""


class RegistrarNamespace(pulumi.ComponentResource):
    """Nothing but the registrar belongs into it: who reads its Secrets can register runners."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: RegistrarNamespaceArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:RegistrarNamespace", name, {}, opts)
        labels = {**object_labels(SERVICE_NAME), **pod_security_labels(args["pod_security_version"])}
        namespace = declare_namespace(name, args["namespace"], labels, self)
        self.namespace = namespace.metadata["name"]
        declare_pull_secrets(name, SERVICE_NAME, self.namespace, args.get("made_pull_secrets", {}), self)
        self.register_outputs({"namespace": self.namespace})
