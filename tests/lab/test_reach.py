"""The table of docs/network.md, cell by cell: real connections from real pods, with the policies and without them."""

import json
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from lab import network, outside
from lab.errors import LabError
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pods import Pods
from lab.trial.repository import Repository
from tests.lab.adversary.base_runner_requests import REFUSED, SCRIPT, TRIES
from tests.lab.conftest import MakeStack, stack_file
from tests.lab.place import Place, plain_pod
from values.contract import REGISTRAR_PORT, REGISTRAR_STATUS_PORT, SERVICE_NAME

TABLE = Path(__file__).resolve().parents[2] / "docs" / "network.md"
PROBE = Path(__file__).with_name("reach.py")
BASE, RUNNERS, SYSTEM = "gpu-runners-reach-base", "gpu-runners-reach", "gpu-runners-reach-system"
CLIENT, STRANGER = "gpu-runners-reach-client", "gpu-runners-reach-stranger"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
POD_PORT = 8099
NODE_PORT = 9797  # nothing of the lab's, and none of the range that Kubernetes gives to Services
ETCD_PORT = 2379
# Ends with its standard input: a runner's pod does not leave while something works in it.
LISTEN = f"""
import os, socket, sys, threading
server = socket.create_server(("", {POD_PORT}))
print("listening", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
while True:
    server.accept()[0].close()
"""

Expected = dict[str, dict[str, str]]
Reached = dict[str, dict[str, bool]]


def documented() -> Expected:
    """Target → source → yes, no or - (not tried), as the table says."""
    rows = [line.strip().strip("|").split("|") for line in TABLE.read_text().splitlines() if line.startswith("|")]
    (_, *sources), _, *body = [[cell.strip() for cell in row] for row in rows]
    return {target: dict(zip(sources, cells, strict=True)) for target, *cells in body}


DOCUMENTED = documented()
CELLS = [(target, source, word) for target, row in DOCUMENTED.items() for source, word in row.items() if word != "-"]


class Accepting(socketserver.BaseRequestHandler):
    """A connection is all that anybody wants."""


@contextmanager
def listening_on_the_node(port: int) -> Iterator[None]:
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer((network.HOST, port), Accepting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def listening_in(place: Place, environment: Mapping[str, str]) -> Iterator[None]:
    command = place.command("python3", "-c", LISTEN)
    with subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        # Whoever cannot be reached because nobody listens yet proves nothing.
        assert process.stdout.readline() == "listening\n"
        yield
        process.communicate(timeout=15)  # closes its input


@pytest.fixture(scope="module")
def forge(make_repository: Callable[[str], Repository]) -> Repository:
    return make_repository("mlops/reach")


@pytest.fixture(scope="module")
def places(
    lab: dict[str, str], api: KubernetesApi, forge: Repository, make_stack: MakeStack
) -> Iterator[dict[str, Place]]:
    """A pod of each kind, by the name of its column; and a second runner of both kinds: a pod always reaches itself."""
    make_stack("reach", stack_file("reach.yaml")).up().succeeded()
    base, other_base = Pods(api, BASE, forge).until_ready("base", 2)
    first, second = Pods(api, RUNNERS, forge).until_ready("gpu", 2)
    (registrar,) = api.items(f"/api/v1/namespaces/{SYSTEM}/pods")
    found = {
        "GPU runner": Place(RUNNERS, first.name, "runner", first.address),
        "second GPU runner": Place(RUNNERS, second.name, "runner", second.address),
        "base runner": Place(BASE, base.name, "runner", base.address),
        "second base runner": Place(BASE, other_base.name, "runner", other_base.address),
        "registrar": Place(SYSTEM, registrar["metadata"]["name"], SERVICE_NAME, registrar["status"]["podIP"]),
        "metrics client": plain_pod(api, CLIENT),
        "other namespace": plain_pod(api, STRANGER),
    }
    outside.up()
    with ExitStack() as listeners:
        for port in (ETCD_PORT, NODE_PORT):
            listeners.enter_context(listening_on_the_node(port))
        for name in ("second GPU runner", "second base runner"):
            listeners.enter_context(listening_in(found[name], lab))
        yield found
    for namespace in (CLIENT, STRANGER):
        api.delete(f"/api/v1/namespaces/{namespace}")


@pytest.fixture(scope="module")
def targets(api: KubernetesApi, places: dict[str, Place]) -> dict[str, tuple[str, str, int]]:
    """Protocol, address and port of each row."""
    service = api.get(f"/api/v1/namespaces/{SYSTEM}/services/{SERVICE_NAME}")["spec"]["clusterIP"]
    tcp: dict[str, tuple[str, int]] = {
        "DNS over TCP": ("", 53),
        "forge": (network.HOST, 3000),
        "S3": (network.HOST, 7070),
        "API server": (network.API_SERVICE, 443),
        "registrar: registration": (service, REGISTRAR_PORT),
        "registrar: metrics, queue, runners": (service, REGISTRAR_STATUS_PORT),
        "kubelet (10250)": (network.HOST, 10250),
        "etcd's port on the node (2379)": (network.HOST, ETCD_PORT),
        "another port of the node": (network.HOST, NODE_PORT),
        "metadata (169.254.169.254)": (outside.METADATA_ADDRESS, 80),
        "Azure's WireServer (168.63.129.16)": (outside.WIRESERVER_ADDRESS, 80),
        "a private address that is not named": (outside.PRIVATE_ADDRESS, 443),
        "an address of the internet": (outside.INTERNET_ADDRESS, 443),
        "port 53 of an address of the internet": (outside.INTERNET_ADDRESS, 53),
        "a GPU runner": (places["second GPU runner"].address, POD_PORT),
        "a base runner": (places["second base runner"].address, POD_PORT),
    }
    return {"DNS over UDP": ("UDP", "", 53)} | {name: ("TCP", *where) for name, where in tcp.items()}


def reached(
    lab: Mapping[str, str], places: Mapping[str, Place], targets: Mapping[str, tuple[str, str, int]]
) -> Reached:
    """Source → target → whether a connection was made, tried from all pods at the same time."""
    trying = {
        source: subprocess.Popen(
            places[source].command("python3", "-c", PROBE.read_text(), json.dumps(targets)),
            env=dict(lab), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )
        for source in DOCUMENTED["forge"]
    }  # fmt: skip
    return {source: json.loads(process.communicate(timeout=30)[0]) for source, process in trying.items()}


def differs(found: Reached) -> list[str]:
    """The cells that are not as documented."""
    return [f"{source} → {target}" for target, source, word in CELLS if found[source][target] is not (word == "yes")]


@pytest.fixture(scope="module")
def enforced(lab: dict[str, str], places: dict[str, Place], targets: dict[str, tuple[str, str, int]]) -> Reached:
    """What is reached while the policies are there; enforcement follows a new pod within seconds."""
    found: Reached = {}

    def as_documented() -> bool:
        found.update(reached(lab, places, targets))
        return not differs(found)

    with suppress(LabError):  # each cell says for itself what was found last
        until("the policies are enforced", as_documented, 15)
    return found


@pytest.fixture(scope="module")
def answers(lab: dict[str, str], places: dict[str, Place]) -> dict[str, list[str]]:
    """What each request of a base runner was answered, without a token and with each that its pod holds."""
    command = places["base runner"].command("python3", "-c", SCRIPT, json.dumps(TRIES))
    done = subprocess.run(
        command, env=dict(lab), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=120
    )
    answered: dict[str, list[str]] = json.loads(done.stdout)
    return answered


@pytest.mark.parametrize("name", TRIES)
def test_job_code_on_a_base_runner_is_refused(answers: dict[str, list[str]], name: str) -> None:
    assert len(answers[name]) > 1, "it holds a token for the registrar at least"
    assert set(answers[name]) <= REFUSED | {"ConnectionRefusedError", "TimeoutError"}, answers[name]


@pytest.fixture(scope="module")
def without_policies(
    enforced: Reached,
    lab: dict[str, str],
    api: KubernetesApi,
    places: dict[str, Place],
    targets: dict[str, tuple[str, str, int]],
) -> Reached:
    """What is reached once all of them are deleted."""
    for namespace in (BASE, RUNNERS, SYSTEM):
        for policy in api.items(POLICIES.format(namespace)):
            api.delete(f"{POLICIES.format(namespace)}/{policy['metadata']['name']}")
    found: Reached = {}

    def everything() -> bool:
        found.update(reached(lab, places, targets))
        return all(all(row.values()) for row in found.values())

    with suppress(LabError):
        until("nothing is blocked any more", everything, 15)
    return found


def test_the_table_has_a_row_for_every_target(targets: dict[str, tuple[str, str, int]]) -> None:
    assert set(DOCUMENTED) == set(targets)


@pytest.mark.parametrize(("target", "source", "word"), CELLS)
def test_a_pod_reaches_what_the_documentation_says(enforced: Reached, target: str, source: str, word: str) -> None:
    assert enforced[source][target] is (word == "yes")


@pytest.mark.parametrize("source", list(DOCUMENTED["forge"]))
def test_it_is_the_policies_that_keep_a_pod_from_a_target(without_policies: Reached, source: str) -> None:
    assert [target for target, is_reached in without_policies[source].items() if not is_reached] == []
