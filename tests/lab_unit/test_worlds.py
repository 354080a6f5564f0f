"""Who may do what with the lab's buckets, as the policies say it; that the server holds to it is tried on the lab."""

import json
from pathlib import Path

import pytest

from lab import environment, worlds
from lab.worlds import ALL, BUCKETS, DATA, DEV, DEV_REVIEW, PLATFORM, PLATFORM_REVIEW, Key

KEYS = {world.name: Key(f"KEY-{world.name}", "hush") for world in ALL}
WRITES = {"s3:PutObject", "s3:DeleteObject"}


def granted(bucket: str) -> dict[str, set[str]]:
    """Access key → what it may do, as the bucket's policy says."""
    rights: dict[str, set[str]] = {}
    for statement in json.loads(worlds.bucket_policy(bucket, KEYS))["Statement"]:
        assert statement["Effect"] == "Allow"
        assert statement["Resource"] in (f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*")
        for who in statement["Principal"]["AWS"]:
            rights.setdefault(who, set()).update(statement["Action"])
    return rights


def test_a_bucket_knows_its_own_keys_and_nobody_else() -> None:
    who = {bucket: set(granted(bucket)) for bucket in BUCKETS}
    assert who == {
        "platform-state": {"KEY-platform", "KEY-platform-review"},
        "dev-state": {"KEY-dev", "KEY-dev-review"},
        "dvc": {"KEY-data"},
    }


@pytest.mark.parametrize(
    ("world", "writes"),
    [(PLATFORM, WRITES), (PLATFORM_REVIEW, set()), (DEV, WRITES), (DEV_REVIEW, set()), (DATA, {"s3:PutObject"})],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_key_writes_no_more_than_its_world_needs(world: worlds.World, writes: set[str]) -> None:
    rights = granted(world.bucket)[f"KEY-{world.name}"]
    assert rights & WRITES == writes
    assert not {right for right in rights if "Policy" in right or "Bucket" in right} - {"s3:ListBucket"}


def test_no_policy_shows_a_secret() -> None:
    assert not [bucket for bucket in BUCKETS if "hush" in worlds.bucket_policy(bucket, KEYS)]


def test_a_process_of_one_world_has_nothing_of_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lab.paths.STATE", tmp_path)
    (tmp_path / "env-data.json").write_text('{"AWS_ACCESS_KEY_ID": "KEY-data"}')
    for name in ("PULUMI_CONFIG_PASSPHRASE", "FORGE_TOKEN", "KUBECONFIG"):
        monkeypatch.setenv(name, "the administrator's")
    variables = environment.load(DATA)
    assert variables["AWS_ACCESS_KEY_ID"] == "KEY-data"
    assert "the administrator's" not in variables.values()
