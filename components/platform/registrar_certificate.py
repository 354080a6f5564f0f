"""RegistrarCertificate: the registrar's CA and serving certificate, made once and kept in a Secret."""

import base64
from typing import Optional, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from components.labels import REPAIR_ANNOTATIONS, object_labels
from components.platform.serving_certificate import issue_serving_certificate
from values.contract import SERVICE_NAME, TRUST_CA_KEY


class RegistrarCertificateArgs(TypedDict):
    """For whom, and which one."""

    namespace: str
    """The registrar's namespace."""
    host: str
    """The DNS name that the certificate is for."""
    generation: int
    """Another number makes another CA and certificate."""


class RegistrarCertificate(pulumi.ComponentResource):
    """A certificate is made at each run and thrown away unless its Secret is new, so a later preview shows no change.

    What pods trust is read from the Secret, never from this run's certificate: the two must be of one making.
    """

    secret_name: pulumi.Output[str]
    ca: pulumi.Output[str]

    def __init__(
        self, name: str, args: RegistrarCertificateArgs, opts: Optional[pulumi.ResourceOptions] = None
    ) -> None:
        super().__init__("gpu-runners:index:RegistrarCertificate", name, {}, opts)
        certificate = issue_serving_certificate(args["host"])
        secret = k8s.core.v1.Secret(
            # Ignored fields keep their old values even when the Secret is replaced. A logical name of its own per host
            # and generation makes it a new Secret instead.
            f"{name}-{args['host']}-{int(args['generation'])}",
            metadata={
                "namespace": args["namespace"],
                "labels": object_labels(SERVICE_NAME),
                "annotations": REPAIR_ANNOTATIONS,
            },
            type="kubernetes.io/tls",
            immutable=True,
            data={
                TRUST_CA_KEY: _encode(certificate.ca),
                "tls.crt": _encode(certificate.certificate),
                "tls.key": pulumi.Output.secret(_encode(certificate.key)),
            },
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["data", "stringData"]),
        )
        self.secret_name = secret.metadata["name"]
        self.ca = pulumi.Output.unsecret(secret.data.apply(lambda data: _decode(data[TRUST_CA_KEY])))
        self.register_outputs({"secret_name": self.secret_name, "ca": self.ca})


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _decode(text: str) -> str:
    return base64.b64decode(text).decode()
