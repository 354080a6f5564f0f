"""GitHub's runner groups as a review reads them: with the stack's own credential, from a stand-in over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gpu_runners.pulumi_command import opened
from gpu_runners.review.core.runner_groups import TYPE
from gpu_runners.review.github_groups import GroupsUnreadableError, read_groups
from lab.github.server import Exchange, StandIn
from lab.github.world import Group
from tests.github import description as github_description
from tests.gpu_runners.serving import serving
from tests.gpu_runners.stand_in_pulumi import FREE, StandInPulumi
from tests.program.stack_values import as_handed_over, defaults

DIGEST = f"@sha256:{'0' * 64}"
TOKEN = "ghp_everything"
STATE: list[dict[str, Any]] = [{"type": TYPE, "id": "7", "inputs": {"name": "gpus"}}]


def config(url: str, token: str) -> dict[str, Any]:
    """As `pulumi config --json --show-secrets` prints it."""
    platform = {
        "scope": f"{url}/vision",
        "registrar": {
            "namespace": "gpu-runners-system",
            "image": f"registry.example.com/ci/registrar{DIGEST}",
            "egress": [{"cidr": "127.0.0.1/32", "ports": [urlsplit(url).port]}],
        },
        "runnerGroups": [{"name": "gpus", "repositories": ["vision/training"]}],
        "environments": [{"namespace": "runners-vision", "runnerGroup": "gpus", "quota": {"gpus": 1}}],
    }
    runner = f"registry.example.com/ci/runner{DIGEST}"
    values: dict[str, Any] = {**defaults(), "forge": "github", "runnerImage": runner, "platform": platform}
    shown = {key: {"value": as_handed_over(value), "secret": False} for key, value in values.items()}
    shown |= {key: {"value": token, "secret": True} for key in ("forgeToken", "githubToken")}
    return {f"gpu-runners:{key}": entry for key, entry in shown.items()}


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    exchanges: list[Exchange] = []
    stand_in = StandIn(observe=exchanges.append)
    stand_in.world.add_repository("vision/training")
    stand_in.world.groups[7] = Group(7, "vision", {"name": "gpus", "visibility": "selected"})
    stand_in.credentials.add_personal(TOKEN)
    yield stand_in
    wrong = [problem for exchange in exchanges for problem in github_description.problems(exchange)]
    assert not wrong, "GitHub's description disagrees:\n" + "\n".join(wrong)


@contextmanager
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: dict[str, Any] | None) -> Iterator[Any]:
    """A program whose Pulumi knows this config, or fails to decrypt it."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps(document))
    shown = f"cat {file}" if document is not None else "echo 'error: incorrect passphrase' >&2; exit 255"
    answers = f"""case "$*" in *--show-secrets*) {shown};; config*) echo '{{}}';; *) {FREE};; esac"""
    pulumi = StandInPulumi.make(tmp_path, answers, monkeypatch)
    with opened(pulumi.program, "dev", None) as program:
        yield program


def test_every_group_of_the_organization_is_read(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(stand_in.application()) as url, stack(tmp_path, monkeypatch, config(url, TOKEN)) as program:
        groups = [(group["organization"], group["id"], group["name"]) for group in read_groups(program, STATE)]
    assert ("vision", 7, "gpus") in groups
    assert "Default" in {name for _, _, name in groups}


def test_a_stack_without_groups_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with stack(tmp_path, monkeypatch, None) as program:
        assert read_groups(program, [{"type": "kubernetes:core/v1:Namespace", "id": "dev"}]) == ()


def test_a_credential_that_is_not_accepted_is_told_and_not_shown(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        serving(stand_in.application()) as url,
        stack(tmp_path, monkeypatch, config(url, "hunter2hunter2")) as program,
        pytest.raises(GroupsUnreadableError, match="401") as refused,
    ):
        read_groups(program, STATE)
    assert "hunter2" not in str(refused.value)


def test_a_config_that_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        stack(tmp_path, monkeypatch, None) as program,
        pytest.raises(GroupsUnreadableError, match=r"config cannot be read: incorrect passphrase"),
    ):
        read_groups(program, STATE)
