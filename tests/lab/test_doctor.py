"""The doctor as a person runs it: a stack, the lab's cluster and Gitea, and what is wrong with them."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gpu_runners.exit_code import ExitCode
from lab import gitea, paths
from lab.github import daemon
from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.pools import NAMESPACE as POOLS_NAMESPACE
from lab.trial.pools import SYSTEM_NAMESPACE, gpus, pool, pools_config
from lab.trial.stack import Stack
from tests.lab.conftest import stack_file
from tests.lab.github_forge import REPOSITORY as GITHUB_REPOSITORY
from tests.lab.github_forge import GithubRepository

SECONDS = 60
REPOSITORY = "mlops/guide"  # of the lab's own, which is always there
NAMESPACE = "gpu-runners-doctor"
ACCOUNT = "stranger"
QUOTA = {"nvidia.com/gpu": 64, "amd.com/gpu": 64}
ROOM = "nodes for pool small"


@dataclass
class Doctor:
    """A stack that is never brought up, and what is said about it."""

    stack: Stack

    def says(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Exit code and lines."""
        command = [sys.executable, "-m", "gpu_runners", "doctor", self.stack.name]
        command += ["--config-file", str(self.stack.config_file)]
        done = subprocess.run(
            [*command, *arguments], cwd=paths.REPOSITORY, env={**self.stack.environment, **variables}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=SECONDS,
        )  # fmt: skip
        return done.returncode, done.stdout

    def complains(self, state: str, check: str, **variables: str) -> str:
        """The line with this state about this check, which has a cure."""
        code, output = self.says(**variables)
        (line,) = (one for one in output.splitlines() if one.startswith(f"{state} ") and check in one)
        assert "; cure: " in line
        assert code == (ExitCode.FOUND if "\nfailed" in f"\n{output}" else ExitCode.DONE)
        return line


@pytest.fixture
def doctor(backend: Mapping[str, str], tmp_path: Path, request: pytest.FixtureRequest) -> Doctor:
    """A stack with a platform and one pool, whose gpu the test may name; in a backend of its own."""
    state = tmp_path / "state"
    state.mkdir()
    config = stack_file("small.yaml")
    config["gpu-runners:platform"]["scope"] = f"{gitea.URL}/{REPOSITORY}"
    config["gpu-runners:platform"]["environments"][0] |= {"namespace": NAMESPACE, "quota": {"gpus": QUOTA}}
    config["gpu-runners:pools"][0] |= {"namespace": NAMESPACE}
    if hasattr(request, "param"):
        config["gpu-runners:pools"][0]["gpu"] = request.param
    return Doctor(Stack.make("doctor", config, tmp_path, {**backend, "PULUMI_BACKEND_URL": f"file://{state}"}))


@pytest.mark.parametrize("doctor", [gpus(1)], indirect=True)
def test_a_stack_that_can_be_brought_up_has_nothing_but_images_that_no_registry_knows(doctor: Doctor) -> None:
    code, output = doctor.says()
    open_questions = [line for line in output.splitlines()[:-1] if not line.startswith("ok ")]
    assert open_questions
    assert all(line.startswith("unknown  image lab.local/") for line in open_questions), output
    assert (code, doctor.says("--strict")[0]) == (0, 1)
    for check in (
        "worlds: no stack of pools",
        "cluster: Kubernetes",
        "nodes for pool small: lab",
        "rights in",
        "scope mlops/guide: runners may be",
    ):
        assert check in output


def test_it_changes_neither_the_stack_file_nor_the_cluster(doctor: Doctor, api: KubernetesApi) -> None:
    before = doctor.stack.config_file.read_text()
    doctor.says()
    assert doctor.stack.config_file.read_text() == before
    assert api.find(f"/api/v1/namespaces/{NAMESPACE}") is None


@pytest.mark.parametrize(
    ("doctor", "words"),
    [
        (gpus(16), "a pod asks for 16 nvidia.com/gpu, but no node that it may use has more than 4"),
        (gpus(1, "NVIDIA-B200"), "no node has nvidia.com/gpu.product=NVIDIA-B200 (there nvidia.com/gpu.product is "),
        (
            {**gpus(8, "NVIDIA-H100-80GB-HBM3"), "tolerations": []},
            "the taint nvidia.com/gpu=present:NoSchedule, which the pool does not tolerate",
        ),
        ({**gpus(1), "resource": "amd.com/gpu"}, "a pod asks for 1 amd.com/gpu, but no node"),
    ],
    indirect=["doctor"],
)
def test_a_pool_that_fits_no_node_is_told_why(doctor: Doctor, words: str) -> None:
    assert words in doctor.complains("failed", ROOM)


def test_pools_without_their_platform_are_told_to_wait_for_it(backend: Mapping[str, str], tmp_path: Path) -> None:
    config = pools_config(pool("alone")) | {"gpu-runners:namespace": NAMESPACE}
    doctor = Doctor(Stack.make("doctor-alone", config, tmp_path, backend))
    assert "there is no namespace" in doctor.complains("failed", "quota of")
    assert "bring up the stack whose platform" in doctor.complains("failed", "platform of")


def test_pools_on_a_platform_that_is_up_lack_nothing_until_they_want_more_than_it_grants(
    platform: Stack, backend: Mapping[str, str], tmp_path: Path
) -> None:
    config = pools_config(pool("one", gpu=gpus(1)))
    (tmp_path / "state").mkdir()
    own = {"PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}", "PULUMI_CONFIG_PASSPHRASE": "of this environment"}
    doctor = Doctor(Stack.make("doctor-pools", config, tmp_path, {**backend, **own}))
    code, output = doctor.says()
    assert code == 0, output
    assert "ok       quota of gpu-runners-test: the quota grants 1 nvidia.com/gpu of 8" in output
    for check in ("platform of gpu-runners-test: a registrar serves", "rights in gpu-runners-test: this identity has"):
        assert f"ok       {check}" in output
    doctor.stack.configure(pools_config(pool("one", replicas=9, gpu=gpus(1))))
    assert "want 9 nvidia.com/gpu of 8 that the quota grants" in doctor.complains("failed", "quota of")
    assert "room for 4 of 9 runners" in doctor.complains("unknown", "nodes for pool one")


@pytest.mark.usefixtures("platform")
def test_the_registrar_itself_says_whether_it_runs_and_its_forge_answers(
    api: KubernetesApi, backend: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    own = {"PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}", "PULUMI_CONFIG_PASSPHRASE": "of this environment"}
    doctor = Doctor(Stack.make("doctor-asks", pools_config(pool("one")), tmp_path, {**backend, **own}))
    code, output = doctor.says()
    assert code == 0, output
    assert f"ok       registrar: it runs in {SYSTEM_NAMESPACE} and answers" in output
    assert "ok       forge from inside, mlops/tests: the registrar reaches it" in output
    assert "ok       trial of pool one: the API server would admit its pod" in output
    deployment = f"/apis/apps/v1/namespaces/{SYSTEM_NAMESPACE}/deployments/registrar"
    try:
        api.patch(deployment, {"spec": {"replicas": 0}})
        until("the registrar is gone", lambda: not api.get(f"{deployment}/scale")["status"]["replicas"], 60)
        assert "it is down: there is no pod of it" in doctor.complains("failed", "registrar")
    finally:
        api.patch(deployment, {"spec": {"replicas": 1}})
        until("the registrar is back", lambda: api.get(deployment)["status"].get("readyReplicas"), 60)


@pytest.mark.usefixtures("platform")
def test_what_admission_or_a_limit_range_would_say_is_known_before_up(
    api: KubernetesApi, backend: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    own = {"PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}", "PULUMI_CONFIG_PASSPHRASE": "of this environment"}
    doctor = Doctor(Stack.make("doctor-tries", pools_config(pool("one")), tmp_path, {**backend, **own}))
    ranges = f"/api/v1/namespaces/{POOLS_NAMESPACE}/limitranges"
    for limit, words in (
        ({"type": "Container", "max": {"memory": "100Mi"}}, "maximum memory usage per Container is 100Mi"),
        (
            {"type": "Container", "default": {"cpu": "1"}},
            "metadata.annotations.kubernetes.io/limit-ranger: found a field that no runner has",
        ),
    ):
        api.create(ranges, {"metadata": {"name": "tried"}, "spec": {"limits": [limit]}})
        try:
            assert words in doctor.complains("failed", "trial of pool one")
        finally:
            api.delete(f"{ranges}/tried")
    doctor.stack.configure(pools_config(pool("one", image="elsewhere/cuda:12")))
    assert "image: found elsewhere/cuda:12" in doctor.complains("failed", "trial of the pools")


def test_a_namespace_of_somebody_else_is_refused_by_the_doctor_and_by_up(doctor: Doctor, api: KubernetesApi) -> None:
    settings = f"/api/v1/namespaces/{NAMESPACE}"
    api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": {"team": "other"}}})
    try:
        before = api.get(settings)
        assert "one that this program did not make" in doctor.complains("failed", "namespaces")
        outcome = doctor.stack.up()
        assert outcome.code != 0
        assert f"namespace {NAMESPACE}: found one that this program did not make" in outcome.output
        assert api.get(settings) == before
        assert api.get(f"{settings}/resourcequotas")["items"] == []
    finally:
        api.delete(settings)
        until("the namespace is gone", lambda: api.find(settings) is None, 60)


def test_a_credential_that_gitea_does_not_accept_is_not_shown(doctor: Doctor) -> None:
    line = doctor.complains("failed", "credential", FORGE_TOKEN="hunter2")
    assert "does not accept it" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("scopes", "words"),
    [(["read:repository"], "may list its runners but not change them"), (["read:user"], "may not list its runners")],
)
def test_a_token_without_the_scope_is_told_which(doctor: Doctor, scopes: list[str], words: str) -> None:
    access = json.loads(gitea.ACCESS.read_text())
    url = f"{gitea.URL}/api/v1/users/{access['user']}/tokens"
    with httpx2.Client(auth=(access["user"], access["password"]), trust_env=False) as http:
        name = f"doctor-{scopes[0]}"
        http.delete(f"{url}/{name}")
        made = http.post(url, json={"name": name, "scopes": scopes})
        assert made.is_success, made.text
        try:
            line = doctor.complains("failed", f"scope {REPOSITORY}", FORGE_TOKEN=made.json()["sha1"])
        finally:
            http.delete(f"{url}/{name}")
    assert words in line
    assert "write:repository" in line


def test_a_scope_that_does_not_exist_is_told_so(doctor: Doctor) -> None:
    config: dict[str, Any] = yaml.safe_load(doctor.stack.config_file.read_text())["config"]
    config["gpu-runners:platform"]["scope"] = f"{gitea.URL}/mlops/nowhere"
    doctor.stack.configure(config)
    assert "does not exist" in doctor.complains("failed", "scope mlops/nowhere")


def test_a_forge_that_does_not_answer_fails(doctor: Doctor) -> None:
    config: dict[str, Any] = yaml.safe_load(doctor.stack.config_file.read_text())["config"]
    config["gpu-runners:platform"]["scope"] = "http://10.85.0.1:9/mlops/guide"
    doctor.stack.configure(config)
    assert "does not answer" in doctor.complains("failed", " forge:")


def test_an_api_server_that_base_runners_do_not_reach_comes_with_the_block_that_opens_it(doctor: Doctor) -> None:
    config: dict[str, Any] = yaml.safe_load(doctor.stack.config_file.read_text())["config"]
    environment = config["gpu-runners:platform"]["environments"][0]
    environments = config["gpu-runners:platform"]["environments"]
    environments.append({**environment, "namespace": f"{NAMESPACE}-base", "quota": {"gpus": 0}})
    workflows = [".github/workflows/deploy.yml@refs/heads/main"]
    environment["deployer"] = {"namespace": f"{NAMESPACE}-base", "stack": "doctor", "workflows": workflows}
    doctor.stack.configure(config)
    code, output = doctor.says()
    assert code == ExitCode.FOUND
    assert f"failed   egress of {NAMESPACE}-base: the network policy lets no pod reach the API server" in output
    printed = output[output.index("egress:\n") :].partition("\nok ")[0]
    environments[1] |= yaml.safe_load(textwrap.dedent(" " * 8 + printed))
    doctor.stack.configure(config)
    assert (
        "ok       egress of gpu-runners-doctor-base: the API server is reached at 10.85.0.1/32 port 6443"
        in doctor.says()[1]
    )


@pytest.fixture
def stranger(api: KubernetesApi, tmp_path: Path) -> Iterator[str]:
    """The kubeconfig of an account without any right."""
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    if api.find(f"{accounts}/{ACCOUNT}") is None:
        api.create(accounts, {"metadata": {"name": ACCOUNT}})
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    token = api.create(f"{accounts}/{ACCOUNT}/token", request)["status"]["token"]
    kubeconfig: Json = yaml.safe_load(paths.KUBECONFIG.read_text())
    kubeconfig["users"][0]["user"] = {"token": token}
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig))
    yield str(file)
    api.delete(f"{accounts}/{ACCOUNT}")


def test_who_may_not_deploy_is_told_which_rights_are_missing(doctor: Doctor, stranger: str) -> None:
    line = doctor.complains("failed", "rights in", KUBECONFIG=stranger)
    assert "may not create namespaces" in line
    assert "kubectl auth can-i create namespaces" in line


def test_nodes_that_may_not_be_listed_are_unknown_and_not_ok(doctor: Doctor, stranger: str) -> None:
    assert "cannot be listed" in doctor.complains("unknown", "nodes", KUBECONFIG=stranger)


def test_a_cluster_that_is_not_there_is_told_and_the_forge_is_checked_all_the_same(
    doctor: Doctor, stranger: str
) -> None:
    kubeconfig = Path(stranger)
    kubeconfig.write_text(kubeconfig.read_text().replace(":6443", ":9"))
    line = doctor.complains("failed", "cluster", KUBECONFIG=stranger)
    assert "kubectl version" in line
    assert f"ok       scope {REPOSITORY}" in doctor.says(KUBECONFIG=stranger)[1]


def test_every_problem_of_a_stack_file_is_a_line_with_its_cure(doctor: Doctor) -> None:
    config: dict[str, Any] = yaml.safe_load(doctor.stack.config_file.read_text())["config"]
    config["gpu-runners:pools"][0] |= {"replicas": -1, "labels": []}
    doctor.stack.configure(config)
    code, output = doctor.says()
    lines = [line for line in output.splitlines() if line.startswith("failed   config: gpu-runners:pools[0]")]
    assert (code, len(lines)) == (ExitCode.FOUND, 2)
    assert all("; cure: " in line for line in lines)


def test_a_stack_that_does_not_exist_is_told_with_the_command_that_makes_it(doctor: Doctor) -> None:
    missing = Doctor(Stack("nobodys", doctor.stack.folder, doctor.stack.environment))
    missing.stack.configure({})
    assert "pulumi stack init nobodys" in missing.complains("failed", "config")


def test_a_stack_at_github_is_checked_with_its_app(
    backend: Mapping[str, str], tmp_path: Path, at_github: GithubRepository
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    config = stack_file("small.yaml") | {"gpu-runners:forge": "github", "gpu-runners:githubApp": {"appId": 1}}
    config["gpu-runners:platform"]["scope"] = f"{daemon.URL}/{GITHUB_REPOSITORY}"
    # where this forge listens, instead of Gitea: the doctor would say so
    config["gpu-runners:platform"]["environments"][0]["egress"] = [{"cidr": "10.85.0.1/32", "ports": [daemon.PORT]}]
    without_token = {name: value for name, value in backend.items() if name != "FORGE_TOKEN"}
    form = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    environment = {**without_token, "GITHUB_APP_PRIVATE_KEY": key.private_bytes(*form).decode()}
    state = tmp_path / "state"  # its own: in one with stacks of pools, the doctor would rightly complain
    state.mkdir()
    environment["PULUMI_BACKEND_URL"] = f"file://{state}"
    doctor = Doctor(Stack.make("doctor-github", config, tmp_path, environment))
    at_github.install_app(key.public_key())
    code, output = doctor.says()
    assert code == 0, output
    for check in ("credential for", "rate budget for", "scope"):
        assert f"ok       {check} {GITHUB_REPOSITORY}: " in output
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    wrong = other.private_bytes(*form).decode()
    line = doctor.complains("failed", "credential for", GITHUB_APP_PRIVATE_KEY=wrong)
    assert "does not sign with this key" in line
