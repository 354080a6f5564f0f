"""What job code can reach, tried from inside a job: not the forge's credential, no other runner, no cluster."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.trial.pods import Pods
from lab.trial.pools import SYSTEM_NAMESPACE
from lab.trial.repository import Repository
from lab.trial.workflow import one_job, push

PROBE = Path(__file__).resolve().parent / "job_rights.py"
CREDENTIAL_LENGTH = 40

Findings = dict[str, Any]


@pytest.fixture(scope="module")
def findings(lab: dict[str, str], workers: str, repository: Repository, pods: Pods) -> Findings:
    """What the probe found. The job runs beside another runner, whose address it knows."""
    runners = pods.until_ready(workers, 2)
    credential = lab["FORGE_TOKEN"]
    assert len(credential) == CREDENTIAL_LENGTH
    arguments = (credential[: CREDENTIAL_LENGTH // 2], SYSTEM_NAMESPACE, *(pod.address for pod in runners))
    probe = f"cat > probe.py <<'PROBE'\n{PROBE.read_text()}PROBE\nexport GITHUB_TOKEN='${{{{ github.token }}}}'\n"
    run = push(repository, one_job(workers, f"{probe}python3 probe.py {' '.join(arguments)}"))
    jobs = run.until_done(90)
    log = run.log("job")
    assert jobs["job"].conclusion == "success", log
    # Gitea's log puts the time before each line.
    lines = (line.partition(" ")[2] for line in log.splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    found = {}
    for name, text in pairs:
        if name.replace("-", "").isalpha() and name.islower():
            try:
                found[name] = json.loads(text)
            except ValueError:
                continue
    return found


def test_jobs_do_not_run_as_root(findings: Findings) -> None:
    assert findings["uid"] == 1001
    assert findings["writes-usr"] is False


def test_the_forges_credential_is_nowhere_in_the_pod(findings: Findings) -> None:
    assert findings["credential-in-files"] == []
    assert findings["credential-in-memory"] is False


def test_the_search_for_the_credential_would_have_found_it(findings: Findings) -> None:
    # Searched in the same way: the runner's own registration, which is there by nature.
    assert findings["own-token-in-memory"] is True


def test_no_token_is_mounted_where_jobs_run(findings: Findings) -> None:
    assert findings["service-account-files"] == []
    assert findings["projected-mounts"] == 0


@pytest.mark.parametrize("attempt", ["api-anonymous", "api-pods", "api-secrets", "api-with-job-token", "kubelet"])
def test_jobs_cannot_use_the_cluster(findings: Findings, attempt: str) -> None:
    assert findings[attempt] in ("401", "403")


def test_jobs_do_not_reach_etcd(findings: Findings) -> None:
    assert findings["etcd"] is False


def test_jobs_see_no_registration_but_their_own(findings: Findings) -> None:
    assert findings["other-registrations"] == []
    assert findings["neighbours-tried"] == 1
    assert findings["neighbours"] == []


@pytest.mark.parametrize(
    "attempt", ["registrar-anonymous", "registrar-with-job-token", "registrar-with-own-registration"]
)
def test_the_registrar_gives_jobs_nothing(findings: Findings, attempt: str) -> None:
    assert findings[attempt] == "401"


@pytest.mark.parametrize("attempt", ["forge-runners-with-job-token", "forge-runners-with-own-registration"])
def test_jobs_cannot_manage_runners_at_the_forge(findings: Findings, attempt: str) -> None:
    assert findings[attempt] in ("401", "403", "404")
