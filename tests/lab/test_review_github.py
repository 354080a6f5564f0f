"""What is changed at GitHub by hand shows in a review and is repaired. GitHub is a stand-in, the rest is real."""

import datetime
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest

from gpu_runners.exit_code import ExitCode
from lab.github import daemon, parts
from lab.github.protocol import RUNNER_VERSION
from lab.trial.deadline import until
from lab.trial.kubernetes import Json
from lab.trial.stack import Stack
from tests.lab.github_forge import platform_config
from tests.lab.reviews import Reviews

ORGANIZATION = "reviewed"
TOKEN = "ghp_lab_review"
SPACE = "gpu-runners-hub"
CONFIG = platform_config(SPACE, ORGANIZATION)


class Organization:
    """An administrator's hand at GitHub."""

    def __init__(self) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self._http = httpx2.Client(base_url=daemon.URL, headers=headers, timeout=15, trust_env=False)
        self._call("PUT", f"/_lab/tokens/{TOKEN}", {})
        self._call("PUT", f"/_lab/repositories/{ORGANIZATION}/anything", {})

    def close(self) -> None:
        self._http.close()

    def refuse_runners(self, days: int) -> str:
        """GitHub will stop serving this version; returns the day."""
        day = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
        self._call("PUT", f"/_lab/deprecations/{RUNNER_VERSION}", {"at": f"{day:%Y-%m-%dT%H:%M:%SZ}"})
        return f"{day:%Y-%m-%d}"

    def runner(self) -> Json:
        """The only runner that is online."""

        def online() -> Json | None:
            runners = self._api("GET", "actions/runners")["runners"]
            online = [runner for runner in runners if runner["status"] == "online"]
            return online[0] if len(online) == 1 else None

        return until("one runner is online", online, 30)

    def relabel(self, runner: Json, *labels: str) -> None:
        self._api("PUT", f"actions/runners/{runner['id']}/labels", {"labels": labels})

    def move(self, runner: Json, group: str) -> None:
        """Into a group that is made for it."""
        made = self._api("POST", "actions/runner-groups", {"name": group})
        self._api("PUT", f"actions/runner-groups/{made['id']}/runners/{runner['id']}")

    def _api(self, method: str, path: str, body: Json | None = None) -> Any:
        answer = self._call(method, f"/api/v3/orgs/{ORGANIZATION}/{path}", body)
        return answer.json() if answer.content else None

    def _call(self, method: str, path: str, body: Json | None = None) -> httpx2.Response:
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer


@pytest.fixture(scope="module")
def organization(lab: Mapping[str, str]) -> Iterator[Organization]:
    parts.up(print)
    organization = Organization()
    organization.refuse_runners(days=10)
    yield organization
    organization.refuse_runners(days=1000)  # the stand-in outlives these tests
    organization.close()


@pytest.fixture(scope="module")
def reviewed(
    organization: Organization, backend: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    stack = Stack.make("hub", CONFIG, tmp_path_factory.mktemp("hub"), {**backend, "FORGE_TOKEN": TOKEN})
    try:
        stack.up().succeeded()
        yield stack
    finally:
        stack.destroy().succeeded()


def reviews_find(reviewed: Stack, kind: str, *live: str) -> None:
    """Waits until a review says that these are live, of one kind of drift: the registrar's list is seconds old."""

    def found() -> list[str]:
        code, report = Reviews(reviewed).report()
        assert code == ExitCode.FOUND, report  # the version at the least
        return [finding["live"] for finding in report["drift"] if finding["kind"] == kind]

    until(f"the {kind} shows as {live}", lambda: found() == list(live), 60, seen=found)


def test_labels_changed_at_github_are_drift_and_the_runner_is_replaced(
    reviewed: Stack, organization: Organization
) -> None:
    runner = organization.runner()
    organization.relabel(runner, "release")
    reviews_find(reviewed, "runner", "labels are 'release', declared 'cml-gpu'")
    assert f"Runner {runner['name']}" in Reviews(reviewed).repair().stdout
    assert organization.runner()["name"] != runner["name"]
    reviews_find(reviewed, "runner")


def test_a_runner_moved_to_another_group_is_drift_and_replaced(reviewed: Stack, organization: Organization) -> None:
    runner = organization.runner()
    group = f"release-{secrets.token_hex(3)}"  # the stand-in outlives these tests, and keeps its groups
    organization.move(runner, group)
    reviews_find(reviewed, "runner", f"its runner group is '{group}', declared 'the default one'")
    Reviews(reviewed).repair()
    assert organization.runner()["name"] != runner["name"]
    reviews_find(reviewed, "runner")


def test_a_version_that_github_will_soon_refuse_is_told_and_left_to_the_program(
    reviewed: Stack, organization: Organization
) -> None:
    runner = organization.runner()
    day = organization.refuse_runners(days=10)
    cure = "set runnerImage to a newer one before"
    told = f"GitHub serves runner version {RUNNER_VERSION} until {day}: {cure}"
    reviews_find(reviewed, "runner version", told)
    repaired = Reviews(reviewed).repair()
    assert repaired.returncode == ExitCode.FOUND
    reason = "the image is the program's: a newer `runnerImage` brings another one"
    assert repaired.stdout == f"left as it is: Runners of {SPACE}/cuda (1): {reason}\n"
    assert organization.runner()["name"] == runner["name"]
