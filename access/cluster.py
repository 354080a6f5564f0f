"""Which cluster Pulumi's default provider talks to, read the same way, so that the wait never watches another one.

Reads only. Order, as the provider's: `kubernetes:kubeconfig`, KUBECONFIG, ~/.kube/config, the pod's ServiceAccount.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import pulumi
import yaml
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError

MINIMUM_VERSION: Final = (1, 35)
TIMEOUT_SECONDS: Final = 10.0


class ClusterAccessError(pulumi.RunError):
    """The cluster cannot be found, reached or used. The message names what was tried and the cure."""


@dataclass(frozen=True)
class ClusterChoice:
    """What selects a cluster: kubeconfig is a path or the text of one, "" for none; context is "" for the current."""

    kubeconfig: str
    context: str
    home: Path

    @classmethod
    def of_this_program(cls, environment: Mapping[str, str]) -> "ClusterChoice":
        """The default provider's choice."""
        provider = pulumi.Config("kubernetes")
        return cls(
            kubeconfig=provider.get("kubeconfig") or environment.get("KUBECONFIG", ""),
            context=provider.get("context") or "",
            home=Path(environment.get("HOME", "/")),
        )


class Cluster:
    """A connection to the API server. Use from one thread."""

    def __init__(self, choice: ClusterChoice) -> None:
        config = read_choice(choice)
        self.server = config.cluster.server
        self._http = Client(config, ConnectionParams(timeout=httpx2.Timeout(TIMEOUT_SECONDS)))

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """The JSON at a path. Raises httpx2.HTTPError."""
        response = self._http.get(path, params=dict(parameters or {}))
        response.raise_for_status()
        answer: Mapping[str, Any] = response.json()
        return answer

    def close(self) -> None:
        """Ends the connection."""
        self._http.close()


def read_choice(choice: ClusterChoice) -> SingleConfig:
    """The chosen cluster's address and credential. Raises ClusterAccessError."""
    try:
        config = _kube_config(choice).get(context_name=choice.context or None)
    except (ConfigError, KeyError, OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ClusterAccessError(
            f"no Kubernetes cluster: {error}. Set KUBECONFIG to a kubeconfig file, or run on a base runner "
            "(pool with `identity: deployer`)"
        ) from error
    if config is None:
        raise ClusterAccessError("no Kubernetes cluster: the kubeconfig has no current-context. Set kubernetes:context")
    return config


def _kube_config(choice: ClusterChoice) -> KubeConfig:
    if "apiVersion" in choice.kubeconfig:
        return KubeConfig.from_dict(yaml.safe_load(choice.kubeconfig))
    paths = [Path(part).expanduser() for part in choice.kubeconfig.split(os.pathsep) if part]
    default = choice.home / ".kube" / "config"
    if paths or default.is_file():
        # Several files are merged by kubectl; the first is where `current-context` comes from.
        return KubeConfig.from_file(next((path for path in paths if path.is_file()), paths[0] if paths else default))
    return KubeConfig.from_service_account()


def read_version(choice: ClusterChoice) -> str:
    """The API server's version, e.g. `1.36`; anybody who is authenticated may ask. Raises ClusterAccessError."""
    cluster = Cluster(choice)
    try:
        answer = cluster.get("/version")
    except (httpx2.HTTPError, ConfigError) as error:
        raise ClusterAccessError(
            f"the Kubernetes API server {cluster.server} cannot be used: {error or type(error).__name__}. "
            "Check KUBECONFIG, the network and the credential's expiry with `kubectl version`"
        ) from error
    finally:
        cluster.close()
    return f"{answer['major']}.{answer['minor']}"


def require_version(version: str) -> None:
    """Raises ClusterAccessError unless containers may have a restart policy of their own, which runners live on."""
    major, _, minor = version.partition(".")
    digits = minor.rstrip("+")
    if not (major.isdecimal() and digits.isdecimal()) or (int(major), int(digits)) < MINIMUM_VERSION:
        wanted = ".".join(map(str, MINIMUM_VERSION))
        raise ClusterAccessError(
            f"the cluster runs Kubernetes {version}; runners need {wanted} or newer, where a container has a "
            "restartPolicy of its own. Upgrade the cluster; nothing was changed"
        )
