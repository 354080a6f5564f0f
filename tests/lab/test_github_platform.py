"""The whole product with GitHub as its forge: App, registrar, pool, a dispatched job. GitHub is the lab's stand-in."""

from collections.abc import Iterator, Mapping

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.github import daemon, parts
from tests import github_description
from tests.lab.deadline import until
from tests.lab.github_forge import REPOSITORY, Exchanges, GithubRepository
from tests.lab.kubernetes import Json
from tests.lab.pools import gpus, pool, pools_config
from tests.lab.stack import Stack

NAMESPACE = "gpu-runners-github"
CONFIG: Json = {
    **pools_config(pool("cuda", labels=["cml-gpu"], gpu=gpus(1), namespace=NAMESPACE)),
    "gpu-runners:forge": "github",
    "gpu-runners:namespace": NAMESPACE,
    "gpu-runners:runnerImage": "lab.local/github-runner:lab",
    "gpu-runners:githubApp": {"appId": 1},
    "gpu-runners:platform": {
        "scope": f"{daemon.URL}/{REPOSITORY}",
        "registrar": {"namespace": f"{NAMESPACE}-system", "image": "lab.local/registrar:lab"},
        "environments": [
            {
                "namespace": NAMESPACE,
                "quota": {"gpus": 2},
                "images": ["lab.local/"],
                "egress": [{"cidr": "10.85.0.1/32", "ports": [daemon.PORT]}],
            }
        ],
    },
}
WORKFLOW = """
name: train
on: workflow_dispatch
jobs:
  train:
    runs-on: cml-gpu
    steps: [{run: 'echo "trained on GPU $NVIDIA_VISIBLE_DEVICES"'}]
"""


@pytest.fixture
def repository(lab: Mapping[str, str]) -> Iterator[GithubRepository]:
    parts.up(print)
    found = GithubRepository()
    yield found
    found.close()


def test_a_dispatched_job_runs_on_a_gpu_pool_that_an_app_registered(
    repository: GithubRepository, backend: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    repository.install_app(key.public_key())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    without_token = {name: value for name, value in backend.items() if name != "FORGE_TOKEN"}  # Gitea's
    environment = {**without_token, "GITHUB_APP_PRIVATE_KEY": key.private_bytes(*form).decode()}
    exchanges = Exchanges()
    stack = Stack.make("github", CONFIG, tmp_path_factory.mktemp("github"), environment)
    try:
        stack.up().succeeded()
        online = {name for name, runner in repository.runners().items() if runner["status"] == "online"}
        assert len(online) == 1
        stack.preview().succeeded()
        stack.refresh().succeeded()
        run = repository.dispatch(WORKFLOW)
        job = until("the job has ended", lambda: _ended(repository, run), 30, seen=lambda: repository.jobs(run))
        assert (job["conclusion"], {job["runner_name"]}) == ("success", online)
        assert "trained on GPU " in repository.log(job["id"])
        until("the next runner is online", lambda: _others(repository, online), 40, seen=repository.runners)
    finally:
        stack.destroy().succeeded()
    wrong = sorted({problem for each in exchanges.all() for problem in github_description.problems(each)})
    assert not wrong, "GitHub's description disagrees:\n" + "\n".join(wrong)


def _ended(repository: GithubRepository, run: int) -> Json | None:
    job = repository.jobs(run)["train"]
    return job if job["status"] == "completed" else None


def _others(repository: GithubRepository, before: set[str]) -> set[str]:
    """Online runners that were not there before."""
    return {name for name, runner in repository.runners().items() if runner["status"] == "online"} - before
