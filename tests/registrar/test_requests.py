"""What every request of a pod has to pass, each by itself: who is refused, with which status and reason."""

from dataclasses import replace

import pytest

from registrar.identity import PodIdentity, RegistrationRefusedError
from registrar.requests import alive, granted
from registrar.settings import parse
from tests.registrar.conftest import World, settings_document
from tests.registrar.stand_in_cluster import runner_pod
from values.scope import Scope

SETTINGS = parse(settings_document(forge={"kind": "gitea", "url": "https://forge.invalid"}))
IDENTITY = PodIdentity(namespace="runners", service_account="runner", pod_name="cuda-abc-aaaaa", pod_uid="uid")


def test_the_grant_of_a_namespace_is_for_its_accounts_alone() -> None:
    assert granted(SETTINGS, IDENTITY).scope == Scope("mlops/guide")
    with pytest.raises(RegistrationRefusedError, match="namespace elsewhere has no grant") as refused:
        granted(SETTINGS, replace(IDENTITY, namespace="elsewhere"))
    assert (refused.value.status, refused.value.reason) == (403, "NamespaceNotGranted")
    with pytest.raises(RegistrationRefusedError, match="deployer may not register runners; allowed: runner") as refused:
        granted(SETTINGS, replace(IDENTITY, service_account="deployer"))
    assert (refused.value.status, refused.value.reason) == (403, "ServiceAccountNotGranted")


async def test_a_pod_is_alive_where_it_is_the_one_that_the_token_is_bound_to(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    identity = replace(IDENTITY, pod_uid=pod["metadata"]["uid"])
    assert (await alive(world.api, identity)).name == "cuda-abc-aaaaa"
    for other in (replace(identity, pod_uid="earlier"), replace(identity, pod_name="cuda-abc-bbbbb")):
        with pytest.raises(RegistrationRefusedError, match="does not exist or is no runner's pod") as refused:
            await alive(world.api, other)
        assert (refused.value.status, refused.value.reason) == (403, "PodUnknown")
    with pytest.raises(RegistrationRefusedError, match="runs under another ServiceAccount") as refused:
        await alive(world.api, replace(identity, service_account="deployer"))
    assert (refused.value.status, refused.value.reason) == (403, "PodUnknown")
