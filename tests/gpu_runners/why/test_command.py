"""`gpu-runners why` as it is called: with a `pulumi` that answers as the real one and an API server on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main
from tests.access.causes.world import RECORDED
from tests.access.cluster.api_server import ApiServer, api_server
from tests.gpu_runners.stand_in_pulumi import StandInPulumi
from tests.gpu_runners.state.test_check import recorded

PULUMI = """case "$1 $2" in
"stack export") cat {folder}/state ;;
"stack ls") cat {folder}/stacks ;;
"config --json") cat {folder}/config ;;
*) exit 1 ;;
esac"""
NAMESPACE, POOL = "review-pools", "reviewed"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
REGISTRAR = "/api/v1/namespaces/gpu-runners-test-system/services/https:registrar:8444/proxy"
JOB = {"scope": "mlops/tests", "id": "4711", "name": "train", "labels": ["reviewed"], "state": "waiting", "runner": "",
       "pools": [f"{NAMESPACE}/{POOL}"]}  # fmt: skip


class Stack:
    """The stack `review` with its one pool, which is in the cluster as the lab's was."""

    def __init__(self, folder: Path, cluster: ApiServer, pulumi: StandInPulumi) -> None:
        self.cluster, self.pulumi = cluster, pulumi
        text = json.dumps(RECORDED).replace("gpu-runners-test-system", "@").replace("gpu-runners-test", NAMESPACE)
        text = text.replace("workers", POOL).replace("@", "gpu-runners-test-system")
        cluster.answers |= json.loads(text)
        cluster.answers[DEPLOYMENTS] = {"items": [cluster.answers[f"{DEPLOYMENTS}/{POOL}"]]}
        cluster.answers["/api/v1/pods"] = {"items": []}
        (folder / "state").write_text(json.dumps(recorded()))
        (folder / "stacks").write_text(json.dumps([{"name": "review", "current": True}, {"name": "other"}]))
        (folder / "config").write_text("{}")

    def why(self, *arguments: str) -> int:
        return main(["why", *arguments, "--folder", str(self.pulumi.program)])

    def jobs(self, *jobs: dict[str, Any], problem: str = "") -> None:
        scopes = [{"scope": "mlops/tests", "problem": ""}, {"scope": "mlops/other", "problem": problem}]
        self.cluster.answers[f"{REGISTRAR}/jobs"] = {"jobs": list(jobs), "scopes": scopes}


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    with api_server() as cluster:
        pulumi = StandInPulumi.make(tmp_path, PULUMI.format(folder=tmp_path), monkeypatch)
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path / "kubeconfig")))
        yield Stack(tmp_path, cluster, pulumi)


def test_of_a_healthy_pool_it_says_so_and_has_only_looked(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert stack.why(POOL) == ExitCode.DONE
    said = capsys.readouterr().out
    assert said.startswith("reviewed: job: nothing is wrong: every runner is online; jobs reach it with `runs-on: [")
    assert "reviewed: 2 of 2 online" in said
    assert {request.split()[0] for request in stack.cluster.asked} == {"GET"}
    assert not any("secrets" in request for request in stack.cluster.asked)


def test_a_cause_is_found_with_evidence_and_cure(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.cluster.answers[DEPLOYMENTS] = {"items": []}
    assert stack.why(f"{NAMESPACE}/{POOL}", "--stack", "review") == ExitCode.FOUND
    assert capsys.readouterr().out.splitlines() == [
        "reviewed: Deployment: its Deployment does not exist",
        "    no Deployment reviewed in review-pools, which the state has",
        "  cure: somebody deleted it: run `pulumi refresh`, then `pulumi up`",
    ]


def test_scripts_get_json(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert stack.why(POOL, "--format", "json") == ExitCode.DONE
    (answer,) = json.loads(capsys.readouterr().out)
    assert (answer["situation"], answer["layer"], answer["trouble"]) == ("healthy", "job", False)


def test_a_pool_that_the_stack_has_not_is_found_with_its_pools(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stack.why("revewed") == ExitCode.FOUND
    assert "did you mean reviewed?" in capsys.readouterr().out


def test_nothing_is_certain_where_something_could_not_be_read(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.cluster.refusals["/api/v1/nodes"] = (403, "nodes is forbidden")
    assert stack.why(POOL) == ExitCode.FAILED
    assert "not looked at: nodes: GET /api/v1/nodes: 403 nodes is forbidden" in capsys.readouterr().out


def test_a_cluster_that_is_away_is_a_cause(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.cluster.shutdown()
    stack.cluster.server_close()
    assert stack.why(POOL) == ExitCode.FOUND
    assert "cluster: the cluster cannot be asked" in capsys.readouterr().out


def test_a_waiting_job_gets_the_answer_of_its_pool(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.jobs(JOB)
    stack.cluster.answers[f"{REGISTRAR}/queue"] = {f"{NAMESPACE}/{POOL}": {"waiting": 1, "running": 2, "wanted": 3}}
    assert stack.why("4711") == ExitCode.FOUND
    said = capsys.readouterr().out
    assert said.startswith("job 4711, for which reviewed is: job: 1 jobs wait because every runner of the pool has one")


@pytest.mark.parametrize(
    ("job", "code", "words"),
    [
        ({**JOB, "pools": []}, ExitCode.FOUND, "no pool can ever take job 4711 (train)\n    runs-on: [reviewed]"),
        ({**JOB, "state": "running", "runner": "a/b"}, ExitCode.DONE, "job 4711 (train) runs\n    its runner: a/b"),
        (
            {**JOB, "pools": ["b/big"]},
            ExitCode.FOUND,
            "job 4711 (train) waits for pools of another stack\n    runs-on: [re",
        ),
        ({**JOB, "id": "1"}, ExitCode.FOUND, "the forge has no job 4711 that waits or works"),
    ],
)
def test_a_job_may_answer_for_itself(
    stack: Stack, capsys: pytest.CaptureFixture[str], job: dict[str, Any], code: ExitCode, words: str
) -> None:
    stack.jobs(job)
    assert stack.why("4711") == code
    assert words in capsys.readouterr().out


def test_a_job_of_a_scope_that_could_not_be_read_is_not_said_to_be_none(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.jobs(problem="the forge answers 502")
    assert stack.why("4711") == ExitCode.FAILED
    said = capsys.readouterr().out
    assert said.startswith("job 4711: registrar: the registrar could not tell all its jobs")
    assert "  not looked at: the jobs of mlops/other: the forge answers 502\n" in said


def test_without_a_selected_stack_it_says_how_to_name_one(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stacks").write_text(json.dumps([{"name": "review"}, {"name": "other"}]))
    assert stack.why(POOL) == ExitCode.FAILED
    assert "which has review, other; name it with --stack STACK" in capsys.readouterr().err
    (tmp_path / "stacks").write_text(json.dumps([{"name": "review"}]))
    assert stack.why(POOL) == ExitCode.DONE, "the only one is meant"


@pytest.mark.parametrize("name", ["-x", "a b", "", "../x"])
def test_a_stack_of_the_environment_is_checked_like_any_other(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv("PULUMI_STACK", name)
    code = stack.why(POOL)
    assert code == (ExitCode.USAGE if name else ExitCode.DONE), capsys.readouterr().err
