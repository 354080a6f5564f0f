"""GitHub is asked over HTTP where its API answers, the cluster where its own does; without an answer nobody guesses."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.forge_errors import ForgeUnreachableError
from gpu_runners.doctor.core.findings import State
from gpu_runners.doctor.egress import egress_to_api_server, published_networks
from tests.access.cluster.api_server import api_server
from tests.gpu_runners.serving import serving
from tests.program.stack_values import loaded, stack_file
from values.scope import GITHUB, ForgeScope


def asked(answer: Any, status: int = 200) -> list[Any]:
    async def meta(_: web.Request) -> web.Response:
        return web.json_response(answer, status=status)

    application = web.Application()
    application.router.add_get("/api/v3/meta", meta)
    with serving(application) as url:
        return list(published_networks(ForgeScope(GITHUB, url, "mlops")))


def test_the_networks_of_its_api_are_taken_with_the_port_of_the_forge() -> None:
    rules = asked({"api": ["192.30.252.0/22", "2a0a:a440::/29"], "hooks": ["203.0.113.0/24"]})
    assert [rule["cidr"] for rule in rules] == ["192.30.252.0/22", "2a0a:a440::/29"]
    assert all(len(rule["ports"]) == 1 for rule in rules)


@pytest.mark.parametrize("answer", [{}, [], {"api": []}, {"api": "192.30.252.0/22"}, {"api": ["api.github.com"]}])
def test_an_answer_without_networks_is_an_error(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"lists no networks|does not appear to be"):
        asked(answer)


def test_a_refusal_is_an_error() -> None:
    with pytest.raises(ForgeUnreachableError):
        asked({"message": "rate limit"}, 403)


def test_base_runners_are_held_against_the_api_server_that_the_stack_names(tmp_path: Path) -> None:
    """A cluster whose EndpointSlices hold names has no addresses to tell."""
    values = stack_file("platform")
    names = {
        "metadata": {"labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "FQDN",
        "endpoints": [{"addresses": ["api.example.com"]}],
        "ports": [{"port": 6443}],
    }
    with api_server() as server:
        server.answers["/api/v1/namespaces/default/services/kubernetes"] = {"spec": {"clusterIP": "10.96.0.1"}}
        server.answers["/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"] = {"items": [names]}
        with ClusterConnection(ClusterChoice(files=str(server.kubeconfig(tmp_path / "kubeconfig")))) as cluster:
            stack = loaded(values, {"FORGE_TOKEN": "t"})
            assert stack.platform is not None
            (untold,) = egress_to_api_server(stack, stack.platform, cluster)
            values["platform"]["apiServer"] = [{"cidr": "10.0.1.12/32", "ports": [6443]}]
            stack = loaded(values, {"FORGE_TOKEN": "t"})
            assert stack.platform is not None
            (missing,) = egress_to_api_server(stack, stack.platform, cluster)
    assert (untold.state, "gpu-runners:platform.apiServer" in untold.cure) == (State.UNKNOWN, True)
    assert (missing.state, "at 10.0.1.12/32 port 6443" in missing.found) == (State.FAILED, True)
