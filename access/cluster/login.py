"""What is shown to an API server, as a client of HTTP shows it.

A token from a file is read anew where the server no longer takes it, and a credential plugin asked anew.
"""

import json
import os
import subprocess
from collections.abc import Generator
from typing import Any, Final

import httpx2
from lightkube.config.client_adapter import user_auth, verify_cluster
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, User, UserExec
from lightkube.core.exceptions import ConfigError

PLUGIN_DEADLINE_SECONDS: Final = 60.0
# https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
PLUGIN_VERSIONS: Final = tuple(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))


def http_client(config: SingleConfig, timeout_seconds: float) -> httpx2.Client:
    """A client of the chosen cluster. Raises ConfigError, OSError and ValueError for files and data it cannot use."""
    user = config.user or User()
    has_own = user.token_file is None and user.token is None and user.exec
    return httpx2.Client(
        base_url=config.cluster.server,
        verify=verify_cluster(config.cluster, user, config.abs_file),
        auth=CredentialPlugin(user.exec, config.cluster) if has_own and user.exec else user_auth(user),
        timeout=timeout_seconds,
    )


class CredentialPlugin(httpx2.Auth):
    """A program of the cloud's that makes tokens. Raises ConfigError where it makes none."""

    def __init__(self, plugin: UserExec, cluster: Cluster) -> None:
        if plugin.apiVersion not in PLUGIN_VERSIONS:
            raise ConfigError(f"credential plugin {plugin.command}: {plugin.apiVersion} is none of {PLUGIN_VERSIONS}")
        self._plugin, self._cluster, self._token = plugin, cluster, ""

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Shows the token; a new one where the server does not take it."""
        is_old = bool(self._token)
        self._token = self._token or self._new()
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == 401 and is_old:
            self._token = self._new()
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _new(self) -> str:
        plugin = self._plugin
        try:
            done = subprocess.run(
                [plugin.command, *(plugin.args or ())], env=self._environment(), stdin=subprocess.DEVNULL,
                capture_output=True, text=True, check=False, timeout=PLUGIN_DEADLINE_SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            hint = f"; {plugin.installHint.strip()}" if plugin.installHint else ""
            raise ConfigError(f"credential plugin {plugin.command}: {error}{hint}") from error
        if done.returncode != 0:
            raise ConfigError(f"credential plugin {plugin.command} ended with {done.returncode}: {done.stderr.strip()}")
        try:
            return str(json.loads(done.stdout)["status"]["token"])
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"credential plugin {plugin.command} gave no token; certificates are not read") from error

    def _environment(self) -> dict[str, str]:
        cluster = {"server": self._cluster.server, "insecure-skip-tls-verify": self._cluster.insecure}
        if self._cluster.certificate_auth_data:
            cluster["certificate-authority-data"] = self._cluster.certificate_auth_data
        spec: dict[str, Any] = {"interactive": False, "cluster": cluster}
        info = {"kind": "ExecCredential", "apiVersion": self._plugin.apiVersion, "spec": spec}
        own = {variable.name: variable.value for variable in self._plugin.env or ()}
        return {**os.environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(info)}
