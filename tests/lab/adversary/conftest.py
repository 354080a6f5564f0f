"""A platform at which everything is thrown that the program does not write."""

from collections.abc import Callable

import pytest

from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.repository import Repository
from tests.lab.adversary.written_pods import NAMESPACE, deployment
from tests.lab.conftest import MakeStack, stack_file


@pytest.fixture(scope="session")
def closed(api: KubernetesApi, lasting_stack: MakeStack, make_repository: Callable[[str], Repository]) -> None:
    """The namespaces of tests/lab/stacks/closed.yaml, whose policies are in force."""
    make_repository("mlops/closed")
    lasting_stack("closed-platform", stack_file("closed.yaml")).up().succeeded()
    hostile = deployment()
    hostile["spec"]["template"]["spec"]["subdomain"] = "x"
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments?dryRun=All"
    until("the policies are in force", lambda: "runner-pools" in api.attempt("POST", path, hostile).text, 60)
