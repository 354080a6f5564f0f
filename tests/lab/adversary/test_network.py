"""Who stands between a pod and the registrar: an older protocol, no protocol at all, a certificate of their own."""

import socket
import ssl
import warnings
from dataclasses import dataclass
from typing import Final

import pytest

from lab.trial.kubernetes import KubernetesApi
from lab.trial.pools import NAMESPACE, SYSTEM_NAMESPACE
from lab.trial.stack import Stack
from values import contract

SECONDS: Final = 8.0
ASK: Final = b"GET /healthz HTTP/1.1\r\nHost: registrar\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Wire:
    """Where the registrar listens, and the CA under which pods know it."""

    address: str
    name: str
    ca: str

    def ask(self, port: int, trust: ssl.SSLContext | None) -> bytes:
        """What is answered; raises OSError where there is no connection or no agreement upon TLS."""
        with socket.create_connection((self.address, port), timeout=SECONDS) as plain:
            if trust is None:
                plain.sendall(ASK)
                return plain.recv(4096)
            with trust.wrap_socket(plain, server_hostname=self.name) as wrapped:
                wrapped.sendall(ASK)
                return wrapped.recv(4096)


@pytest.fixture(scope="module")
def wire(api: KubernetesApi, platform: Stack) -> Wire:
    service = api.get(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/services/{contract.SERVICE_NAME}")
    trust = api.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/{contract.TRUST_CONFIG_MAP}")["data"]
    name = f"{contract.SERVICE_NAME}.{SYSTEM_NAMESPACE}.svc"
    return Wire(service["spec"]["clusterIP"], name, trust[contract.TRUST_CA_KEY])


PORTS: Final = (contract.REGISTRAR_PORT, contract.REGISTRAR_STATUS_PORT)


@pytest.mark.parametrize("port", PORTS)
def test_the_registrar_is_known_by_the_ca_that_pods_are_given_and_by_no_other(wire: Wire, port: int) -> None:
    assert b"200" in wire.ask(port, ssl.create_default_context(cadata=wire.ca))
    with pytest.raises(ssl.SSLCertVerificationError):
        wire.ask(port, ssl.create_default_context())


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=str)
def test_no_older_protocol_is_spoken(wire: Wire, port: int, version: ssl.TLSVersion) -> None:
    trust = ssl.create_default_context(cadata=wire.ca)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        trust.minimum_version = trust.maximum_version = version
    trust.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(OSError, match=r"(?i)protocol|alert|reset|eof"):
        wire.ask(port, trust)


@pytest.mark.parametrize("port", PORTS)
def test_nothing_is_answered_in_clear(wire: Wire, port: int) -> None:
    try:
        answer = wire.ask(port, None)
    except OSError:
        answer = b""
    assert b"HTTP" not in answer
