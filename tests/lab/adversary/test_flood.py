"""Pods flood the registrar while others register: half requests, silent connections, junk, thousands of them."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.pods import Pods, RunnerPod
from lab.trial.registrar_door import RegistrarDoor
from lab.trial.repository import Repository
from tests.lab.conftest import MakeStack, stack_file
from tests.lab.place import Place, plain_pod
from values.contract import HEALTH_PATH, REGISTRAR_PORT, REGISTRAR_STATUS_PORT, SERVICE_NAME

FLOOD: Final = Path(__file__).with_name("flood.py").read_text()
FLOODED, SYSTEM, STRANGER = "gpu-runners-flood", "gpu-runners-flood-system", "gpu-runners-flood-stranger"
POLICIES: Final = f"/apis/networking.k8s.io/v1/namespaces/{SYSTEM}/networkpolicies"
REPLICAS: Final = 6
MOST_FLOOD_SECONDS: Final = 90.0
REGISTRATION_SECONDS: Final = 45.0  # for all of them, while the flood goes on
MOST_HEALTH_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Besieged:
    """A registrar, whoever floods it, and whoever needs it."""

    api: KubernetesApi
    environment: Mapping[str, str]
    pods: Pods
    attacker: Place
    stranger: Place
    addresses: list[str]

    def registrar(self) -> Json:
        (pod,) = self.api.items(f"/api/v1/namespaces/{SYSTEM}/pods")
        return pod

    def health_seconds(self) -> float:
        """How long an answer about its health takes at the port of the kubelet's probes."""
        door = RegistrarDoor(self.api, SYSTEM, FLOODED)
        began = time.monotonic()
        assert door.get(HEALTH_PATH).status_code == 200
        door.close()
        return time.monotonic() - began

    def replace_all(self) -> list[RunnerPod]:
        """Deletes every runner that is not the attacker's; returns those that come online in their places."""
        before = self.pods.until_ready("flooded", REPLICAS)
        for pod in before:
            self.pods.delete(pod.name)
        after = self.pods.until_ready("flooded", REPLICAS, REGISTRATION_SECONDS)
        assert not {pod.uid for pod in before} & {pod.uid for pod in after}
        return after

    @contextmanager
    def flood(self, place: Place, port: int = REGISTRAR_PORT) -> Iterator["Flood"]:
        command = place.command("python3", "-c", FLOOD, str(MOST_FLOOD_SECONDS), str(port), *self.addresses)
        with subprocess.Popen(
            command, env=dict(self.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            try:
                yield Flood(process)
            finally:
                process.terminate()


@dataclass(frozen=True)
class Flood:
    """A flood that has begun."""

    process: subprocess.Popen[str]

    def end(self) -> Json:
        """Ends it, which has gone on until now; returns what it says that it did."""
        assert self.process.poll() is None, "it has ended by itself"
        done: Json = json.loads(self.process.communicate(timeout=MOST_FLOOD_SECONDS)[0])  # closes its input
        return done


@pytest.fixture(scope="module")
def besieged(
    lab: dict[str, str], api: KubernetesApi, make_stack: MakeStack, make_repository: Callable[[str], Repository]
) -> Iterator[Besieged]:
    repository = make_repository("mlops/flood")
    make_stack("flood", stack_file("flood.yaml")).up().succeeded()
    pods = Pods(api, FLOODED, repository)
    (attacker,) = pods.until_ready("attacker", 1)
    service = api.get(f"/api/v1/namespaces/{SYSTEM}/services/{SERVICE_NAME}")["spec"]["clusterIP"]
    (registrar,) = api.items(f"/api/v1/namespaces/{SYSTEM}/pods")
    yield Besieged(
        api, lab, pods, Place(FLOODED, attacker.name, "runner", attacker.address), plain_pod(api, STRANGER),
        [service, registrar["status"]["podIP"]],
    )  # fmt: skip
    api.delete(f"/api/v1/namespaces/{STRANGER}")


@pytest.fixture(autouse=True)
def unharmed(besieged: Besieged) -> Iterator[None]:
    """Whatever is tried, the registrar is the same process afterwards."""
    before = besieged.registrar()
    yield
    after = besieged.registrar()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    (status,) = after["status"]["containerStatuses"]
    assert (status["restartCount"], status["lastState"], status["ready"]) == (0, {}, True)


def test_runners_register_while_another_runner_floods_the_registrar(besieged: Besieged) -> None:
    with besieged.flood(besieged.attacker) as flood:
        assert besieged.health_seconds() < MOST_HEALTH_SECONDS
        besieged.replace_all()
        done = flood.end()
    assert done["connections"] >= 2000, done
    assert set(done["answers"]) <= {"401", "404", "400", "408", "413", "414", "431", "none"}, done


def test_a_pod_of_another_namespace_does_not_get_a_connection(besieged: Besieged) -> None:
    with besieged.flood(besieged.stranger) as flood:
        assert besieged.health_seconds() < MOST_HEALTH_SECONDS
        done = flood.end()
    assert done["connections"] == 0, done
    assert done["unreachable"] > 0, done


def test_a_runner_gets_no_connection_to_the_port_that_others_look_at(besieged: Besieged) -> None:
    with besieged.flood(besieged.attacker, REGISTRAR_STATUS_PORT) as flood:
        assert besieged.health_seconds() < MOST_HEALTH_SECONDS
        done = flood.end()
    assert done["connections"] == 0, done
    assert done["unreachable"] > 0, done


@pytest.fixture
def without_policies(besieged: Besieged) -> None:
    """As in a cluster whose network enforces no policy."""
    for policy in besieged.api.items(POLICIES):
        besieged.api.delete(f"{POLICIES}/{policy['metadata']['name']}")


def test_runners_register_though_nothing_keeps_another_namespace_from_the_registrar(
    besieged: Besieged, without_policies: None
) -> None:
    with besieged.flood(besieged.stranger) as front, besieged.flood(besieged.stranger, REGISTRAR_STATUS_PORT) as back:
        assert besieged.health_seconds() < MOST_HEALTH_SECONDS
        besieged.replace_all()
        done = [flood.end() for flood in (front, back)]
    assert min(one["connections"] for one in done) >= 2000, done
