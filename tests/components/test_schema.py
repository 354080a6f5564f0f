"""The components can be served to programs in other languages: their schema can be inferred."""

import pytest
from pulumi import ComponentResource
from pulumi.provider.experimental.analyzer import Analyzer

from components.github.forge_repository import ForgeRepository
from components.github.runner_group import RunnerGroup
from components.platform.auditor import Auditor
from components.platform.deployer import Deployer
from components.platform.forge_credential import ForgeCredential
from components.platform.previewer import Previewer
from components.platform.registrar import Registrar
from components.platform.registrar_certificate import RegistrarCertificate
from components.platform.registrar_grant import RegistrarGrant
from components.platform.registrar_namespace import RegistrarNamespace
from components.platform.runner_admission import RunnerAdmission
from components.platform.runner_namespace import RunnerNamespace
from components.pools.online_pools import OnlinePools
from components.pools.runner_deployment import RunnerDeployment

COMPONENTS: list[type[ComponentResource]] = [
    Auditor,
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
