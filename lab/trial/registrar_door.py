"""The registrar's HTTPS door as a pod knocks on it: by its name in the cluster, under the CA that pods are given."""

import json
import ssl
from dataclasses import dataclass

import httpx2

from lab.trial.kubernetes import Json, KubernetesApi
from values import contract


@dataclass(frozen=True)
class Answer:
    """A status and, of a refusal, the reason and the message."""

    status: int
    reason: str
    message: str
    body: str


class RegistrarDoor:
    """The registrar of a namespace, trusted as a granted namespace's ConfigMap says."""

    def __init__(self, api: KubernetesApi, system_namespace: str, granted_namespace: str) -> None:
        service = api.get(f"/api/v1/namespaces/{system_namespace}/services/{contract.SERVICE_NAME}")
        trust = api.get(f"/api/v1/namespaces/{granted_namespace}/configmaps/{contract.TRUST_CONFIG_MAP}")["data"]
        context = ssl.create_default_context(cadata=trust[contract.TRUST_CA_KEY])
        self._name = httpx2.URL(trust[contract.TRUST_URL_KEY]).host
        address = f"https://{service['spec']['clusterIP']}"
        self._http, self._status = (
            httpx2.Client(base_url=f"{address}:{port}", verify=context, trust_env=False, timeout=10)
            for port in (contract.REGISTRAR_PORT, contract.REGISTRAR_STATUS_PORT)
        )

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()
        self._status.close()

    def knock(self, token: str | None) -> Answer:
        """Asks for a registration with a token, or with none."""
        headers = {"Host": self._name} | ({"Authorization": f"Bearer {token}"} if token else {})
        # The host does not use the cluster's DNS, so the name goes where the certificate is checked.
        answer = self._http.post(contract.REGISTRATIONS_PATH, headers=headers, extensions={"sni_hostname": self._name})
        try:
            problem: Json = json.loads(answer.text)
        except ValueError:
            problem = {}
        return Answer(answer.status_code, problem.get("reason", ""), problem.get("message", ""), answer.text)

    def get(self, path: str) -> httpx2.Response:
        """What is looked at on the other port: health, metrics, queue."""
        return self._status.get(path, headers={"Host": self._name}, extensions={"sni_hostname": self._name})
