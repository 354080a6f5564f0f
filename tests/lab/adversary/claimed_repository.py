"""A repository at the lab's Gitea from which jobs try to become somebody, pushed to any ref."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from lab import git, gitea
from lab.gitea_api import GiteaApi
from lab.trial.deadline import until
from tests.lab.program_repository import ProgramRepository

CLAIMING = Path(__file__).with_name("claiming.py").read_text()
DEPLOY = ".github/workflows/deploy.yml"
NAMESPACE = "gpu-runners-identity"
DISPATCH = "workflow_dispatch"
SECONDS = {"seconds": {"description": "how long it stays", "default": "0", "type": "string"}}
RUN_SECONDS = 60
END_SECONDS = 180


def workflow(account: str = "deployer", *, on: tuple[str, ...] = ("push",), label: str = "identity") -> str:
    """A workflow whose job asks for an account's rights; started by hand, it stays for `seconds` of its input."""
    steps = [
        {"shell": f"python3 {{0}} {account} {NAMESPACE}", "run": CLAIMING},
        {"run": "sleep ${{ github.event.inputs.seconds || 0 }}"},
    ]
    triggers = {event: {"inputs": SECONDS} if event == DISPATCH else None for event in on}
    return json.dumps({"name": "claim", "on": triggers, "jobs": {"claim": {"runs-on": [label], "steps": steps}}})


class ClaimedRepository:
    """Every method raises LabError when the forge refuses."""

    def __init__(self, api: GiteaApi, name: str) -> None:
        self.name, self._api, self._path = name, api, f"/repos/{name}"
        self.people = ProgramRepository(api, name)
        self._seen: set[int] = set()

    def push(self, ref: str, files: Mapping[str, str]) -> None:
        """A commit on top of main with these files and no other workflow of ours, to any ref by its whole name."""
        login = git.login(gitea.ADMIN, gitea.token())
        url = f"{gitea.URL}/{self.name}.git"
        with tempfile.TemporaryDirectory(prefix="claimed-") as name:
            folder = Path(name)
            git.run(folder, "init", "--quiet")
            git.run(folder, "fetch", "--quiet", "--depth", "1", url, "refs/heads/main", environment=login)
            git.run(folder, "checkout", "--quiet", "--detach", "FETCH_HEAD")
            for path, text in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
            git.run(folder, "add", "--all")
            git.run(folder, "commit", "--quiet", "--allow-empty", "--message", f"To {ref}", environment=login)
            git.run(folder, "push", "--quiet", "--force", url, f"HEAD:{ref}", environment=login)

    def remove(self, ref: str) -> None:
        """Takes a branch or a tag away."""
        login = git.login(gitea.ADMIN, gitea.token())
        with tempfile.TemporaryDirectory(prefix="claimed-") as name:
            git.run(Path(name), "init", "--quiet")
            git.run(Path(name), "push", "--quiet", f"{gitea.URL}/{self.name}.git", f":{ref}", environment=login)

    def dispatch(self, file: str, ref: str, seconds: int = 0) -> None:
        """Starts a workflow by hand, as of a branch or a tag."""
        body = {"ref": ref, "inputs": {"seconds": str(seconds)} if seconds else {}}
        self._api.post(f"{self._path}/actions/workflows/{file}/dispatches", body)

    def begun(self, file: str, ref: str) -> int:
        """The number of the run of a file at a ref that nobody has asked for yet."""

        def fresh() -> int | None:
            return next(
                (number for number in map(_number, self.people.runs(file, ref)) if number not in self._seen), None
            )

        run = until(f"a run of {file} on {ref}", fresh, RUN_SECONDS, seen=lambda: self.people.runs(file, ref))
        self._seen.add(run)
        return run

    def log(self, run: int) -> str:
        """What its one job printed, once it has ended."""

        def ended() -> dict[str, Any] | None:
            jobs = self.people.jobs(run)
            return jobs[0] if jobs and jobs[0]["status"] == "completed" else None

        job = until(f"run {run} has ended", ended, END_SECONDS, seen=lambda: self.people.jobs(run))
        return self.people.log(job["id"])

    def runner(self, run: int) -> str:
        """The runner on which its one job is, once it is in progress."""

        def name() -> str:
            jobs = self.people.jobs(run)
            return str(jobs[0].get("runner_name") or "") if jobs and jobs[0]["status"] == "in_progress" else ""

        return until(f"run {run} is in progress", name, END_SECONDS, seen=lambda: self.people.jobs(run))

    def idle_runners(self) -> frozenset[str]:
        """The names of the organization's runners that wait for a job: no job in progress names them."""
        owner = self.name.partition("/")[0]
        runners = self._api.get(f"/orgs/{owner}/actions/runners", limit=50)["runners"] or []
        jobs = self._api.get(f"/orgs/{owner}/actions/jobs", status="in_progress", limit=50)["jobs"] or []
        online = {str(runner["name"]) for runner in runners if runner["status"] == "online" and not runner["busy"]}
        return frozenset(online - {str(job.get("runner_name")) for job in jobs})

    def cancel(self, run: int) -> None:
        """As somebody does on its page: Gitea has no API for it."""
        access = json.loads(gitea.ACCESS.read_text())
        with httpx2.Client(base_url=gitea.URL, trust_env=False) as page:
            page.post("/user/login", data={"user_name": access["user"], "password": access["password"]})
            page.post(f"/{self.name}/actions/runs/{run}/cancel").raise_for_status()


@contextmanager
def claimed_repository(name: str) -> Iterator[ClaimedRepository]:
    """One that exists already."""
    with GiteaApi(gitea.URL, gitea.token()) as api:
        yield ClaimedRepository(api, name)


def _number(run: Mapping[str, Any]) -> int:
    return int(run["id"])
