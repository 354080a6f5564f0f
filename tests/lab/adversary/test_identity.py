"""Jobs on base runners try to become the deployer: only the granted workflow of main is, while its job runs.

A label brings all of them onto the same runners; whose job it is, the forge says.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import paths
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pods import RunnerPod, runner_pod
from lab.trial.repository import Repository
from tests.lab.adversary.claimed_repository import (
    DEPLOY,
    DISPATCH,
    NAMESPACE,
    ClaimedRepository,
    claimed_repository,
    workflow,
)
from tests.lab.conftest import MakeStack, stack_file
from tests.lab.test_tokens import token
from values import contract

BASE, SYSTEM = f"{NAMESPACE}-base", f"{NAMESPACE}-system"
REPOSITORY, OTHER = "mlops/identity", "mlops/identity-other"
PREVIEW = ".github/workflows/preview.yml"
STRANGER = "identity-stranger"
SCRIPT = Path(__file__).with_name("claiming.py").read_text()
LENT = "lent: system:serviceaccount:"
KEPT_SECONDS = 3.0  # that the forge's word on one pod counts for the registrar
STAYS_SECONDS = 600  # that what a job started goes on: until the test has asked everything, on any machine


@pytest.fixture(scope="module")
def claimed(make_repository: Callable[[str], Repository], make_stack: MakeStack) -> Iterator[ClaimedRepository]:
    """The repository whose deploy.yml on main deploys, and runners for it and for another of the organization."""
    make_repository(REPOSITORY)
    make_stack("identity-platform", stack_file("identity.yaml")).up().succeeded()
    with claimed_repository(REPOSITORY) as repository:
        repository.push("refs/heads/main", {DEPLOY: workflow(on=(DISPATCH,))})
        yield repository


@pytest.fixture(scope="module")
def first_log(claimed: ClaimedRepository) -> str:
    """What the granted workflow printed when it ran for the first time."""
    claimed.dispatch("deploy.yml", "main")
    return claimed.log(claimed.begun("deploy.yml", "heads/main"))


def refused(log: str, reason: str) -> bool:
    """Whether the job's log says why it got nothing."""
    return f"refused: no rights of deployer for this job: 403 {reason}: " in log and LENT not in log


def test_the_granted_workflow_of_main_is_the_deployer_for_ten_minutes_and_no_more(first_log: str) -> None:
    assert f"{LENT}{BASE}:deployer for 600 s" in first_log
    assert "\ndeployments: 200" in _plain(first_log)
    for name in ("secrets", "pods of the base runners", "all namespaces"):
        assert f"\n{name}: 403" in _plain(first_log)


def test_pushed_to_main_it_is_the_deployer_too(claimed: ClaimedRepository, first_log: str) -> None:
    claimed.push("refs/heads/main", {DEPLOY: workflow(on=("push", DISPATCH))})
    log = claimed.log(claimed.begun("deploy.yml", "heads/main"))
    claimed.push("refs/heads/main", {DEPLOY: workflow(on=(DISPATCH,))})
    assert LENT in log


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/topic",
        "refs/tags/main",
        "refs/heads/refs/heads/main",
        "refs/heads/Main",
        "refs/heads/main.yml",
        "refs/heads/x@refs/heads/main",
    ],
)
def test_the_same_file_as_of_any_other_ref_is_not(claimed: ClaimedRepository, first_log: str, ref: str) -> None:
    claimed.push(ref, {DEPLOY: workflow()})
    log = claimed.log(claimed.begun("deploy.yml", ref.removeprefix("refs/")))
    claimed.remove(ref)  # git itself takes some of them for main
    assert refused(log, "JobRef"), log


@pytest.mark.parametrize("ref", ["refs/heads/topic", "refs/tags/main"])
def test_started_by_hand_as_of_another_ref_it_is_not(claimed: ClaimedRepository, first_log: str, ref: str) -> None:
    claimed.push(ref, {DEPLOY: workflow(on=(DISPATCH,))})
    claimed.dispatch("deploy.yml", ref)
    log = claimed.log(claimed.begun("deploy.yml", ref.removeprefix("refs/")))
    assert refused(log, "JobRef"), log


@pytest.mark.parametrize("name", ["other.yml", "deploy.yaml", "Deploy.yml", "deploy.yml@refs-heads-main.yml"])
def test_another_file_of_main_is_not(claimed: ClaimedRepository, first_log: str, name: str) -> None:
    claimed.push("refs/heads/main", {f".github/workflows/{name}": workflow(on=(DISPATCH,))})
    claimed.dispatch(name, "main")
    log = claimed.log(claimed.begun(name, "heads/main"))
    assert refused(log, "JobWorkflow") or refused(log, "JobRef"), log


def test_a_pull_request_is_not(claimed: ClaimedRepository, first_log: str) -> None:
    claimed.push("refs/heads/request", {DEPLOY: workflow(on=("pull_request",))})
    number = claimed.people.open_pull_request("request", "Let me deploy")
    log = claimed.log(claimed.begun("deploy.yml", f"pull/{number}/head"))
    assert refused(log, "JobEvent"), log


def test_a_pull_request_of_the_repository_itself_may_look_and_one_of_a_fork_may_not_even_once_agreed_to(
    claimed: ClaimedRepository, first_log: str
) -> None:
    look = workflow("previewer", on=("pull_request",))
    claimed.push("refs/heads/look", {PREVIEW: look})
    number = claimed.people.open_pull_request("look", "Let me look")
    log = claimed.log(claimed.begun("preview.yml", f"pull/{number}/head"))
    assert f"{LENT}{BASE}:previewer for 600 s" in log
    files = {PREVIEW: look, ".github/workflows/strange.yml": workflow(on=("pull_request",))}
    with claimed.people.forked_by(STRANGER, files) as branch:
        number = claimed.people.open_pull_request(branch, "A stranger's", user=STRANGER)
        for file, account, reason in (("preview.yml", "previewer", "JobFork"), ("strange.yml", "deployer", "JobEvent")):
            run = claimed.begun(file, f"pull/{number}/head")
            claimed.people.approve(run)
            log = claimed.log(run)
            assert f"refused: no rights of {account} for this job: 403 {reason}: " in log, log


def test_the_same_file_of_main_of_another_repository_of_the_organization_is_not(
    claimed: ClaimedRepository, first_log: str, make_repository: Callable[[str], Repository]
) -> None:
    make_repository(OTHER)
    with claimed_repository(OTHER) as other:
        other.push("refs/heads/main", {DEPLOY: workflow()})
        log = other.log(other.begun("deploy.yml", "heads/main"))
    assert refused(log, "JobRepository"), log


@pytest.mark.parametrize("label", ["identity-plain", "identity-pool"])
def test_on_another_pools_runner_there_is_nothing_to_ask_with(
    claimed: ClaimedRepository, first_log: str, label: str
) -> None:
    claimed.push("refs/heads/main", {f".github/workflows/{label}.yml": workflow(on=(DISPATCH,), label=label)})
    claimed.dispatch(f"{label}.yml", "main")
    assert "nothing to ask with" in claimed.log(claimed.begun(f"{label}.yml", "heads/main"))


def test_a_pod_without_a_job_is_nobody(api: KubernetesApi, claimed: ClaimedRepository, first_log: str) -> None:
    assert "403 NoJob: " in tried(idle(api, claimed, BASE, "base"), "deployer")


def test_while_a_job_runs_its_token_is_good_in_its_own_pod_alone_and_for_nothing_once_it_was_ended(
    api: KubernetesApi, claimed: ClaimedRepository, first_log: str
) -> None:
    claimed.dispatch("deploy.yml", "main", seconds=STAYS_SECONDS)  # what it started outlives its end at the forge
    run = claimed.begun("deploy.yml", "heads/main")
    mine = find(api, BASE, claimed.runner(run))
    thief = idle(api, claimed, BASE, "base")
    assert thief.name != mine.name
    for _ in range(2):  # as a client does that renews it
        assert LENT in tried(mine, "deployer")
    stolen = inside(mine, "cat", "/var/run/job-credential/token").stdout.strip()
    assert '"reason": "AddressForeign"' in tried(thief, "deployer", *anothers(api, stolen))
    assert "403 AccountNotGranted: " in tried(mine, "registrar")
    claimed.cancel(run)
    claimed.log(run)
    ended = time.monotonic()

    def asked_again_without_success() -> bool:
        asked, said = time.monotonic(), tried(mine, "deployer", *anothers(api, stolen))
        assert "lent" not in said or asked - ended < KEPT_SECONDS, said
        return '"reason": "NoJob"' in said

    until("the job that was ended, and whose processes go on, is nobody", asked_again_without_success, 120)
    assert "403 NoJob: " in tried(mine, "deployer")
    assert "refused: 403 " in tried(thief, "deployer", *anothers(api, stolen))
    api.delete(f"/api/v1/namespaces/{BASE}/pods/{mine.name}", gracePeriodSeconds=0)  # it would stay for minutes


def test_a_token_of_another_kind_of_pod_is_refused(
    api: KubernetesApi, claimed: ClaimedRepository, first_log: str
) -> None:
    """Made by an administrator for that pod: no job has such a token."""
    outsider = idle(api, claimed, NAMESPACE, "pool")
    made = token(api, "runner", outsider.document, audience=contract.JOB_TOKEN_AUDIENCE, namespace=NAMESPACE)
    assert '"reason": "AccountNotGranted"' in tried(outsider, "deployer", *anothers(api, made))
    for_registrations = token(api, "runner", outsider.document, namespace=NAMESPACE)
    assert '"reason": "TokenAudience"' in tried(outsider, "deployer", *anothers(api, for_registrations))


def test_the_token_of_a_job_is_none_for_a_registration(
    api: KubernetesApi, claimed: ClaimedRepository, first_log: str
) -> None:
    base = idle(api, claimed, BASE, "base")
    own = inside(base, "cat", "/var/run/job-credential/token").stdout.strip()
    assert '"reason": "TokenAudience"' in tried(base, "", *anothers(api, own, contract.REGISTRATIONS_PATH))


def test_nobody_writes_another_runners_id_to_a_pod(
    api: KubernetesApi, claimed: ClaimedRepository, first_log: str
) -> None:
    pod = idle(api, claimed, BASE, "base")
    change = {"metadata": {"annotations": {contract.RUNNER_ID_ANNOTATION: "1"}}}
    for user in ("", f"system:serviceaccount:{BASE}:deployer", f"system:serviceaccount:{BASE}:runner"):
        answer = api.attempt("PATCH", f"/api/v1/namespaces/{BASE}/pods/{pod.name}", change, user)
        assert answer.status_code in (403, 422), answer.text


def find(api: KubernetesApi, namespace: str, name: str) -> RunnerPod:
    """A pod as it is now."""
    return runner_pod(api.get(f"/api/v1/namespaces/{namespace}/pods/{name}"))


def idle(api: KubernetesApi, claimed: ClaimedRepository, namespace: str, pool: str) -> RunnerPod:
    """One that waits for a job: by its pod, and by the forge, which knows of a job before the pod says so."""

    def ready() -> RunnerPod | None:
        pods = map(runner_pod, api.items(f"/api/v1/namespaces/{namespace}/pods", f"{contract.POOL_LABEL}={pool}"))
        waiting = [pod for pod in pods if pod.ready]  # first the pods: whoever got a job since is no idle runner below
        names = claimed.idle_runners() if waiting else frozenset()
        return next((pod for pod in waiting if pod.name in names), None)

    return until(f"an idle runner of {namespace}/{pool}", ready, 120, seen=claimed.idle_runners)


def anothers(
    api: KubernetesApi, stolen: str, path: str = f"{contract.CREDENTIALS_PATH}/deployer"
) -> tuple[str, str, str]:
    """What somebody needs who asks with another's token: that, an address of the registrar and its CA."""
    trust = api.get(f"/api/v1/namespaces/{BASE}/configmaps/{contract.TRUST_CONFIG_MAP}")["data"]
    return stolen, f"{trust[contract.TRUST_URL_KEY]}{path}", trust[contract.TRUST_CA_KEY]


def inside(pod: RunnerPod, *command: str) -> "subprocess.CompletedProcess[str]":
    """A command in the main container, as job code would run it."""
    namespace = pod.document["metadata"]["namespace"]
    kubectl = [str(paths.BIN / "kubectl"), f"--kubeconfig={paths.KUBECONFIG}"]
    arguments = [*kubectl, "exec", "-n", namespace, pod.name, "-c", contract.RUNNER_CONTAINER, "--", *command]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)


def tried(pod: RunnerPod, *arguments: str) -> str:
    """What claiming.py prints there, or why it could not run."""
    account, *rest = arguments
    done = inside(pod, "python3", "-c", SCRIPT, account, NAMESPACE, *rest)
    return done.stdout + done.stderr


def _plain(log: str) -> str:
    """A log without the time that stands before each line."""
    return "\n".join(line.partition("Z ")[2] for line in log.splitlines())
