"""The components can be served to programs in other languages: their schema can be inferred."""

import pytest
from pulumi import ComponentResource
from pulumi.provider.experimental.analyzer import Analyzer

from components.deployer import Deployer
from components.forge_credential import ForgeCredential
from components.forge_repository import ForgeRepository
from components.online_pools import OnlinePools
from components.previewer import Previewer
from components.registrar import Registrar
from components.registrar_certificate import RegistrarCertificate
from components.registrar_grant import RegistrarGrant
from components.registrar_namespace import RegistrarNamespace
from components.runner_admission import RunnerAdmission
from components.runner_deployment import RunnerDeployment
from components.runner_group import RunnerGroup
from components.runner_namespace import RunnerNamespace

COMPONENTS: list[type[ComponentResource]] = [
    Deployer,
    ForgeCredential,
    ForgeRepository,
    OnlinePools,
    Previewer,
    Registrar,
    RegistrarCertificate,
    RegistrarGrant,
    RegistrarNamespace,
    RunnerAdmission,
    RunnerDeployment,
    RunnerGroup,
    RunnerNamespace,
]


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_a_components_schema_can_be_inferred(component: type[ComponentResource]) -> None:
    analyzed = Analyzer("gpu-runners").analyze([component])
    definition = analyzed["component_definitions"][component.__name__]
    assert definition.inputs
    assert all(item.description for item in definition.inputs.values())
