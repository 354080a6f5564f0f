"""Keys, certificates and credentials that change under load, and clocks that differ."""

import base64
import dataclasses
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab import control_plane, daemon, gitea, paths
from lab.daemon import Daemon
from lab.errors import LabError
from lab.faults import machine, registrar
from lab.faults.fault import Fault, Observation
from lab.faults.scene import Scene
from lab.faults.stage import CROWD, DECLARED, WORKER, config
from lab.faults.work import Work
from lab.trial.registrar_door import RegistrarDoor
from values import contract
from values.accounts import RUNNER

FIRST_GENERATION, SECOND_GENERATION = 1, 2
TRUST_SECONDS: Final = 150.0  # a kubelet takes up to 90 s to bring a new CA into a pod that waits
SIGNING: Final = "--service-account-signing-key-file="
ACCEPTED: Final = "--service-account-key-file="


def signing_key_rotated(scene: Scene) -> Observation:
    """The API server signs with another key, and accepts both; pods that start have tokens of the new one."""
    work = scene.begin(WORKER, 60)
    old = {pod.name for pod in scene.pods.all()}
    server = scene.registrar()["metadata"]["name"]
    with _another_key(scene, work, old):
        started = time.monotonic()
        for pod in scene.idle(CROWD):
            scene.pods.delete(pod.name)
        scene.until_serving()
        recovery = time.monotonic() - started
        new = {pod.name for pod in scene.serving(CROWD)} - old
        short = scene.begin(CROWD, 1, DECLARED[CROWD])
        scene.conclude(short, 60)
        if scene.registrar()["metadata"]["name"] != server or registrar.restarts(scene):
            raise LabError("the registrar was started anew while the keys changed")
    scene.until_quiet()
    return Observation(
        f"{len(new)} pods with tokens of a key that the registrar had not seen were registered, and it lived on",
        recovery,
    )


@contextmanager
def _another_key(scene: Scene, work: Work, old: set[str]) -> Iterator[None]:
    """The API server signs with another key; afterwards with its own, when nothing has a token of the other one.

    `old`: the pods that are there before.
    """
    own = control_plane.api_server(control_plane.authority())
    new = paths.STATE / "faults" / "service-account-new.key"
    _write_key(new)
    try:
        _serve(with_keys(own, str(new)))
        yield
    finally:
        try:
            _serve(with_keys(own, str(control_plane.PKI / "service-account.key"), str(new)))
            registrar.kill(scene)
            for pod in scene.pods.all():
                if pod.name not in old:
                    scene.pods.delete(pod.name)
            registrar.until_serving(scene)
            scene.conclude(work, 120)
            scene.until_quiet()
        finally:
            _serve(own)
            machine.restart("kube-controller-manager")


def certificate_rotated(scene: Scene) -> Observation:
    """`registrarCertificate` is raised: the registrar has another CA and certificate, and pods start all the while."""
    work = scene.begin(WORKER, 60)
    before = _authority(scene)
    scene.stack.configure(config(registrarCertificate=SECOND_GENERATION))
    for pod in scene.idle(CROWD)[:3]:
        scene.pods.delete(pod.name)
    up = scene.stack.up().succeeded()
    if _authority(scene) == before:
        raise LabError("pods are still given the former CA")
    recovery = scene.until_serving(TRUST_SECONDS)
    for pod in scene.idle(CROWD)[:3]:
        scene.pods.delete(pod.name)
    short = scene.push(CROWD, 1, DECLARED[CROWD])
    scene.conclude(short, TRUST_SECONDS)
    scene.conclude(work, 60)
    scene.stack.configure(config(registrarCertificate=FIRST_GENERATION))
    scene.stack.up().succeeded()
    scene.until_serving(TRUST_SECONDS)
    return Observation(f"`up` took {up.seconds:.1f} s; pods that started before and after it were registered", recovery)


def _authority(scene: Scene) -> str:
    """The CA that pods are given."""
    path = f"/api/v1/namespaces/{scene.pods.namespace}/configmaps/{contract.TRUST_CONFIG_MAP}"
    return str(scene.api.get(path)["data"][contract.TRUST_CA_KEY])


def credential_rotated(scene: Scene) -> Observation:
    """The registrar gets a new token of the forge, and the old one is revoked."""
    work = scene.begin(WORKER, 60)
    plain = scene.stack
    with _token_of_the_forge() as first, _token_of_the_forge() as second:
        try:
            _with_token(scene, first).up().succeeded()
            scene.until_serving()
            shorts = [scene.push(CROWD, 1, 3)]
            up = _with_token(scene, second).up().succeeded()
            first.revoke()
            if first.opens():
                raise LabError("the forge still takes the token that was revoked")
            for pod in scene.idle(CROWD)[:3]:
                scene.pods.delete(pod.name)
            recovery = scene.until_serving()
            shorts.append(scene.begin(CROWD, 1, 3))
            for short in (*shorts, work):
                scene.conclude(short, 60)
        finally:
            plain.up().succeeded()
    return Observation(
        f"`up` took {up.seconds:.1f} s; after the old token was revoked runners registered as before", recovery
    )


def clock_differs(seconds: float, expected: int) -> Callable[[Scene], Observation]:
    """A token as an API server makes it whose clock differs: the cluster's own signature under other times."""

    def run(scene: Scene) -> Observation:
        pod = scene.idle_runner(CROWD)
        door = RegistrarDoor(scene.api, scene.system, scene.pods.namespace)
        try:
            answer = door.knock(_token(scene, pod.document, seconds))
        finally:
            door.close()
        if answer.status != expected:
            raise LabError(f"the registrar answered {answer.status} {answer.reason} {answer.message}")
        # 409: who asks is believed, and has its registration already
        believed = "believed" if answer.status == 409 else "refused"
        return Observation(f"the token of a runner's pod is {believed}: {answer.status} {answer.reason}")

    return run


def _token(scene: Scene, pod: dict[str, Any], seconds: float) -> str:
    metadata = pod["metadata"]
    bound = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
    spec = {"audiences": [contract.TOKEN_AUDIENCE], "expirationSeconds": 600, "boundObjectRef": bound}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    made = scene.api.create(f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{RUNNER}/token", request)
    token = str(made["status"]["token"])
    claims = jwt.decode(token, options={"verify_signature": False})
    moved = {name: value + seconds if name in ("iat", "nbf", "exp") else value for name, value in claims.items()}
    key = serialization.load_pem_private_key((control_plane.PKI / "service-account.key").read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise LabError("the lab's service account key is no RSA key")
    return jwt.encode(moved, key, "RS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})


def with_keys(own: Daemon, signing: str, *accepted: str) -> Daemon:
    """The API server with other keys: it signs with the first, and accepts that and its own at least."""
    argv = [argument for argument in own.argv if not argument.startswith(SIGNING)]
    more = {f"{ACCEPTED}{key}" for key in (signing, *accepted)} - set(argv)
    return dataclasses.replace(own, argv=[*argv, *sorted(more), f"{SIGNING}{signing}"])


def _serve(server: Daemon) -> None:
    daemon.stop(server.name)
    server.start()


def _write_key(file: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@dataclasses.dataclass(frozen=True)
class _Token:
    """A token of the forge's administrator beside the lab's own."""

    name: str
    value: str

    @classmethod
    def make(cls) -> "_Token":
        name = f"faults-{secrets.token_hex(4)}"
        answer = cls._call("POST", "", {"name": name, "scopes": ["all"]})
        return cls(name, str(answer.json()["sha1"]))

    def opens(self) -> bool:
        """Whether the forge takes it."""
        with httpx2.Client(trust_env=False, timeout=20) as http:
            answer = http.get(f"{gitea.URL}/api/v1/user", headers={"Authorization": f"token {self.value}"})
        return answer.is_success

    def revoke(self) -> None:
        self._call("DELETE", f"/{self.name}", None)

    @staticmethod
    def _call(method: str, path: str, body: object) -> httpx2.Response:
        access = json.loads(gitea.ACCESS.read_text())
        pair = base64.b64encode(f"{access['user']}:{access['password']}".encode()).decode()
        url = f"{gitea.URL}/api/v1/users/{access['user']}/tokens{path}"
        with httpx2.Client(trust_env=False, timeout=20) as http:
            answer = http.request(method, url, json=body, headers={"Authorization": f"Basic {pair}"})
        if not answer.is_success and answer.status_code != 404:
            raise LabError(f"{method} {url}: {answer.status_code} {answer.text[:200]}")
        return answer


@contextmanager
def _token_of_the_forge() -> Iterator[_Token]:
    """One that is there for as long as this lasts, or until it is revoked."""
    token = _Token.make()
    try:
        yield token
    finally:
        token.revoke()


def _with_token(scene: Scene, token: _Token) -> Any:
    return dataclasses.replace(scene.stack, environment={**scene.stack.environment, "FORGE_TOKEN": token.value})


FAULTS: Final = (
    Fault("clock-ahead", "the API server's clock is 60 s ahead of the registrar's", clock_differs(60, 409)),
    Fault("clock-behind", "the API server's clock is 60 s behind the registrar's", clock_differs(-60, 409)),
    Fault(
        "clock-far-ahead", "the API server's clock is five minutes ahead of the registrar's", clock_differs(300, 401)
    ),
    Fault(
        "certificate-rotated",
        "the registrar's CA and certificate are replaced while pods start",
        certificate_rotated,
        540,
    ),
    Fault(
        "credential-rotated", "the registrar's credential is replaced and the old one revoked", credential_rotated, 420
    ),
    Fault(
        "signing-key-rotated", "the cluster signs tokens with another key while pods start", signing_key_rotated, 580
    ),
)
