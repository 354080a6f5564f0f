"""AutoscalerGrant: with what the autoscaler of one namespace's pools shows who it is, and what it trusts."""

import base64
from typing import Optional, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from components.labels import REPAIR_ANNOTATIONS, object_labels, object_metadata
from components.platform.client_certificate import issue_client_certificate
from values.contract import QUEUE_AUTHENTICATION, SERVICE_NAME, TRUST_CA_KEY, TRUST_CONFIG_MAP


class AutoscalerGrantArgs(TypedDict):
    """For whom, and which one."""

    namespace: str
    """The namespace whose pools are scaled."""
    generation: int
    """Another number makes another certificate."""


class AutoscalerGrant(pulumi.ComponentResource):
    """A client certificate in a Secret, and the TriggerAuthentication by which KEDA reads it.

    A certificate is made at each run and thrown away unless its Secret is new, as RegistrarCertificate does. It opens
    the queue of this namespace's pools and nothing else.
    """

    certificate: pulumi.Output[str]

    def __init__(self, name: str, args: AutoscalerGrantArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:AutoscalerGrant", name, {}, opts)
        namespace, generation = args["namespace"], int(args["generation"])
        made = issue_client_certificate(f"autoscaler of {namespace}")
        secret = k8s.core.v1.Secret(
            f"{name}-certificate-{generation}",
            metadata={
                "namespace": namespace,
                "labels": object_labels(SERVICE_NAME),
                "annotations": REPAIR_ANNOTATIONS,
            },
            type="kubernetes.io/tls",
            immutable=True,
            data={"tls.crt": _encode(made.certificate), "tls.key": pulumi.Output.secret(_encode(made.key))},
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["data", "stringData"]),
        )
        keys = (("cert", "tls.crt"), ("key", "tls.key"))
        k8s.apiextensions.CustomResource(
            f"{name}-authentication",
            api_version="keda.sh/v1alpha1",
            kind="TriggerAuthentication",
            metadata=object_metadata(SERVICE_NAME, QUEUE_AUTHENTICATION, namespace),
            spec={
                "configMapTargetRef": [{"parameter": "ca", "name": TRUST_CONFIG_MAP, "key": TRUST_CA_KEY}],
                "secretTargetRef": [
                    {"parameter": parameter, "name": secret.metadata["name"], "key": key} for parameter, key in keys
                ],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.certificate = pulumi.Output.unsecret(
            secret.data.apply(lambda data: base64.b64decode(data["tls.crt"]).decode())
        )
        self.register_outputs({"certificate": self.certificate})


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
