"""The stand-in for GitHub. It misbehaves below /api/v3 alone, where the registrar asks: its runner is another's."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from lab.github import daemon
from lab.github.client import Client
from lab.soak.forge import Seen
from lab.trial.repository import Runner
from lab.trial.workflow import one_job

REPOSITORY: Final = "mlops/soak"
TOKEN: Final = "ghp_lab_soak"  # noqa: S105 - of a stand-in that hands out tokens to whoever asks
FILE: Final = "soak.yml"
JOB: Final = "job"
HANG_SECONDS: Final = 6.0
API: Final = "^[A-Z]+ /api/v3/"
REGISTER: Final = "generate-jitconfig"
OUTAGES: Final[Mapping[str, dict[str, Any]]] = {
    "forge-refuses": {"drop": True},
    "forge-hangs": {"drop": True, "delay": HANG_SECONDS},
    "forge-answers-500": {"status": 500},
    "forge-answers-429": {"status": 429, "headers": {"Retry-After": "5"}},
}


class GithubForge:
    """A repository of the soak's own. While it misbehaves nobody asks: an answer would be as bad for us."""

    def __init__(self, client: Client, record: Path = daemon.RECORD) -> None:
        self._client, self._path = client, f"/repos/{REPOSITORY}"
        self._asking = threading.RLock()
        self._record = record.open()
        self._record.seek(0, 2)
        self._registrations = 0

    def push(self, label: str, job: str, script: str) -> int:
        """Dispatches a workflow that is put there for it."""
        del job
        text = one_job(label, script, name=JOB).replace("on: push", "on: workflow_dispatch")
        body = {"ref": "main", "return_run_details": True}
        with self._asking:
            self._client.arrange(f"/repositories/{REPOSITORY}/workflows/{FILE}", text)
            run = self._client.post(f"{self._path}/actions/workflows/{FILE}/dispatches", body)["workflow_run_id"]
        return int(run)

    def job(self, run: int) -> Seen:
        """As the API has it."""
        (job,) = self._get(f"actions/runs/{run}/jobs")["jobs"]
        return Seen(job.get("runner_name") or "", job.get("conclusion") or "")

    def runners(self) -> list[Runner]:
        """As the API has them."""
        entries = self._get("actions/runners", per_page=100)["runners"]
        return [
            Runner(
                int(entry["id"]), entry["name"], entry["status"] == "online",
                frozenset(label["name"] for label in entry["labels"]),
            )
            for entry in entries
        ]  # fmt: skip

    def registrations(self) -> int:
        """From the stand-in's own record of what it was asked."""
        with self._asking:
            for line in self._record:
                if REGISTER in line:
                    exchange = json.loads(line)
                    self._registrations += exchange["path"].endswith(REGISTER) and exchange["status"] == 201
        return self._registrations

    def told(self, run: int, runner: str) -> bool:
        """A comment on the commit."""
        commit = self._get(f"actions/runs/{run}")["head_sha"]
        comments = self._get(f"commits/{commit}/comments", per_page=100)
        return any(runner in comment["body"] for comment in comments)

    @contextmanager
    def outage(self, name: str) -> Iterator[None]:
        """For every request of the API."""
        with self._asking, self._faulty({"pattern": API, "times": None, **OUTAGES[name]}):
            yield

    @contextmanager
    def next_answer_lost(self) -> Iterator[None]:
        """Carried out, and the connection ends."""
        with self._faulty({"pattern": REGISTER, "times": 1, "late": True}):
            yield

    def close(self) -> None:
        """What still waits is cancelled: the repository stays for as long as the stand-in lives."""
        with self._asking:
            self._client.clear_faults()
            for run in self._get("actions/runs", per_page=100)["workflow_runs"]:
                if run["status"] != "completed":
                    self._client.post(f"{self._path}/actions/runs/{run['id']}/cancel", {}, allowed=(409,))
        self._record.close()
        self._client.close()

    @contextmanager
    def _faulty(self, fault: dict[str, Any]) -> Iterator[None]:
        self._client.add_fault(fault)
        try:
            yield
        finally:
            self._client.clear_faults()

    def _get(self, path: str, **parameters: str | int) -> Any:
        with self._asking:
            return self._client.get(f"{self._path}/{path}", **parameters)
