"""A platform at which everything is thrown that the program does not write."""

from collections.abc import Callable
from functools import partial

import pytest

from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.repository import Repository
from tests.lab.adversary.written_pods import EXTRAS, NAMESPACE, deployment, pod
from tests.lab.conftest import MakeStack, stack_file


@pytest.fixture(scope="session")
def closed(api: KubernetesApi, lasting_stack: MakeStack, make_repository: Callable[[str], Repository]) -> None:
    """The namespaces of tests/lab/stacks/closed.yaml, whose policies are in force."""
    make_repository("mlops/closed")
    lasting_stack("closed-platform", stack_file("closed.yaml")).up().succeeded()
    for namespace in (NAMESPACE, EXTRAS):
        hostile = deployment(namespace=namespace)
        hostile["spec"]["template"]["spec"]["subdomain"] = "x"
        # A policy and its binding come into force by themselves, those of pods at another moment than those of pools.
        for path, thrown in (
            (f"/apis/apps/v1/namespaces/{namespace}/deployments", hostile),
            (f"/api/v1/namespaces/{namespace}/pods", pod(hostile)),
        ):
            until(f"the policies of {path} are in force", partial(refuses, api, path, thrown), 60)


def refuses(api: KubernetesApi, path: str, thrown: Json) -> bool:
    """Whether a policy of ours says no to it."""
    return "refused in a namespace of runners: " in api.attempt("POST", f"{path}?dryRun=All", thrown).text
