"""Registrar: the one holder of the forge's credential, with the least rights."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NotRequired, Optional, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from access.clock import SystemClock
from access.cluster.connection import ClusterConnection
from components.cluster_hook import cluster_hook
from components.labels import REPAIR_ANNOTATIONS, WAIT_ELSEWHERE_ANNOTATIONS, object_labels
from components.platform.autoscaler_grant import AutoscalerGrant
from components.platform.network_policies import deny_all, registrar_traffic
from components.platform.registrar_args import DeadlinesArgs, GrantArgs
from components.platform.registrar_certificate import RegistrarCertificate
from components.platform.registrar_config import registrar_config
from components.platform.registrar_grant import RegistrarGrant
from components.platform.registrar_pod import SELECTOR, registrar_deployment_spec
from components.platform.registrar_rollout import still_changing, wait_for_rollout
from values.autoscaling import queue_url
from values.contract import CONFIG_PATH, REGISTRAR_PORT, REGISTRAR_QUEUE_PORT, REGISTRAR_STATUS_PORT, SERVICE_NAME
from values.egress import EgressRule
from values.scope import ForgeScope


class RegistrarArgs(TypedDict):
    """What the registrar is told."""

    namespace: str
    """Where it runs: a RegistrarNamespace's."""
    image: str
    """The registrar's image."""
    pull_secrets: NotRequired[list[str]]
    """Secrets of its namespace with which that is pulled."""
    forge_kind: str
    """`gitea` or `github`."""
    forge_url: str
    """The forge's root URL."""
    forge_ca: NotRequired[str]
    """PEM of the CA of a forge that no public one vouches for."""
    forge_proxy: NotRequired[str]
    """URL of the proxy through which the forge is reached; the API server never is."""
    credential_secret: pulumi.Input[str]
    """Name of the ForgeCredential's Secret."""
    grants: list[GrantArgs]
    """Namespaces whose pods may become runners, and of what."""
    clients: list[str]
    """Other namespaces that read /metrics or /queue, e.g. Prometheus'."""
    forge_egress: list[EgressRule]
    """Where the forge answers, and whatever else it is to reach."""
    api_server: list[EgressRule]
    """Where the API server answers."""
    dns_cidrs: list[str]
    """Networks in which the cluster's DNS may answer."""
    deadlines: DeadlinesArgs
    """How long a pod may take for each step."""
    keep_failed: int
    """Failed pods kept per pool."""
    certificate_generation: int
    """Another number makes another CA and certificate."""


class Registrar(pulumi.ComponentResource):
    """One registrar, its rights in each granted namespace and no other, its certificate and what trusts it."""

    url: pulumi.Output[str]

    def __init__(self, name: str, args: RegistrarArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:Registrar", name, {}, opts)
        self._name, self._args = name, args
        host = f"{SERVICE_NAME}.{args['namespace']}.svc"
        url = f"https://{host}:{REGISTRAR_PORT}"
        self._declare_traffic()
        self._certificates = self._declare_autoscalers()
        config = self._declare_config()
        certificate = RegistrarCertificate(
            f"{name}-certificate",
            {"namespace": args["namespace"], "host": host, "generation": args["certificate_generation"]},
            self._child(),
        )
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=self._metadata(SERVICE_NAME),
            automount_service_account_token=False,
            opts=self._child(),
        )
        granted = self._declare_grants(url, certificate.ca)
        k8s.apps.v1.Deployment(
            name,
            metadata=self._metadata(SERVICE_NAME),
            spec=registrar_deployment_spec(
                args["image"],
                config,
                args["credential_secret"],
                certificate.secret_name,
                args.get("pull_secrets", []),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[account, *granted],
                hooks=pulumi.ResourceHookBinding(after_update=[self._ready_hook()]),
                # It starts within seconds; the provider's ten minutes would be spent on images that do not exist.
                custom_timeouts=pulumi.CustomTimeouts(create="3m", update="3m"),
            ),
        )
        self.url = pulumi.Output.from_input(url)
        self.register_outputs({"url": self.url})

    def _ready_hook(self) -> pulumi.ResourceHook:
        namespace = self._args["namespace"]

        def wait(cluster: ClusterConnection) -> None:
            wait_for_rollout(cluster.get, namespace, SystemClock())

        return pulumi.ResourceHook(f"{self._name}-ready", cluster_hook(wait, lambda: still_changing(namespace)))

    def _declare_config(self) -> pulumi.Output[str]:
        args = self._args

        def text(autoscalers: Mapping[str, str]) -> str:
            return registrar_config(
                self._forge(),
                args["grants"],
                args["deadlines"],
                args["keep_failed"],
                forge_ca=args.get("forge_ca", ""),
                proxy=args.get("forge_proxy", ""),
                autoscalers=autoscalers,
            )

        # Known in a preview where nothing of it has to be made first.
        known = pulumi.Output.all(**self._certificates).apply(text) if self._certificates else text({})
        config = k8s.core.v1.ConfigMap(
            f"{self._name}-config",
            metadata=self._metadata(),
            immutable=True,
            data={PurePosixPath(CONFIG_PATH).name: known},
            opts=self._child(),
        )
        return config.metadata["name"]

    def _declare_autoscalers(self) -> dict[str, pulumi.Output[str]]:
        """The certificates that autoscalers show, by the namespace whose pools they scale."""
        return {
            grant["namespace"]: AutoscalerGrant(
                f"{self._name}-autoscaler-{grant['namespace']}",
                {"namespace": grant["namespace"], "generation": self._args["certificate_generation"]},
                self._child(),
            ).certificate
            for grant in self._args["grants"]
            if "autoscaler" in grant
        }

    def _declare_grants(self, url: str, ca: pulumi.Output[str]) -> list[pulumi.Resource]:
        return [
            RegistrarGrant(
                f"{self._name}-grant-{grant['namespace']}",
                {
                    "namespace": grant["namespace"],
                    "registrar_namespace": self._args["namespace"],
                    "url": url,
                    "ca": ca,
                    "forge_kind": self._args["forge_kind"],
                    "forge_ca": self._args.get("forge_ca", ""),
                    "job_accounts": [job["account"] for job in grant.get("jobs", [])],
                    "queue_url": queue_url(self._args["namespace"]) if "autoscaler" in grant else "",
                },
                self._child(),
            )
            for grant in self._args["grants"]
        ]

    def _declare_traffic(self) -> None:
        args = self._args
        autoscalers = {grant["autoscaler"] for grant in args["grants"] if "autoscaler" in grant}
        k8s.core.v1.Service(
            f"{self._name}-service",
            # The Deployment is waited for; the provider would wait once more for the Service's addresses.
            metadata={**self._metadata(SERVICE_NAME), "annotations": WAIT_ELSEWHERE_ANNOTATIONS},
            spec={
                "type": "ClusterIP",
                "selector": SELECTOR,
                "ports": [
                    {"name": "https", "port": REGISTRAR_PORT, "target_port": "https", "protocol": "TCP"},
                    {"name": "status", "port": REGISTRAR_STATUS_PORT, "target_port": "status", "protocol": "TCP"},
                    *(self._queue_port() if autoscalers else []),
                ],
            },
            opts=self._child(),
        )
        granted = [grant["namespace"] for grant in args["grants"]]
        ways = registrar_traffic(
            {REGISTRAR_PORT: granted, REGISTRAR_QUEUE_PORT: autoscalers},
            args["clients"],
            args["api_server"],
            args["forge_egress"],
            args["dns_cidrs"],
        )
        for policy, spec in (("deny-all", deny_all()), ("traffic", ways)):
            k8s.networking.v1.NetworkPolicy(
                f"{self._name}-{policy}", metadata=self._metadata(policy), spec=spec, opts=self._child()
            )

    @staticmethod
    def _queue_port() -> "list[k8s.core.v1.ServicePortArgsDict]":
        return [{"name": "queue", "port": REGISTRAR_QUEUE_PORT, "target_port": "queue", "protocol": "TCP"}]

    def _forge(self) -> ForgeScope:
        return ForgeScope(self._args["forge_kind"], self._args["forge_url"], "")

    def _metadata(self, object_name: str | None = None) -> k8s.meta.v1.ObjectMetaArgsDict:
        """Without a name, the object gets one of its own per content, as immutable ones need."""
        metadata: k8s.meta.v1.ObjectMetaArgsDict = {
            "namespace": self._args["namespace"],
            "labels": object_labels(SERVICE_NAME),
            "annotations": REPAIR_ANNOTATIONS,
        }
        return {**metadata, "name": object_name} if object_name else metadata

    def _child(self, depends_on: Optional[list[pulumi.Resource]] = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=depends_on)
