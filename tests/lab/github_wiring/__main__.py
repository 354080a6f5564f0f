"""The wiring of a repository and a runner group at GitHub, as an administrator's stack declares it."""

import os
import sys
from pathlib import Path

import pulumi

sys.path.insert(0, str(Path(__file__).parents[3]))

from components.forge_repository import ForgeRepository
from components.runner_group import RunnerGroup

config = pulumi.Config()
wired = ForgeRepository(
    "guide",
    {
        "repository": "github-tests",
        "variables": {"PULUMI_BACKEND_URL": "s3://state"},
        "secrets": {"AWS_SECRET_ACCESS_KEY": os.environ["WIRED_SECRET"]},
        "environments": [
            {
                "name": "dev",
                "branches": ["main", "release/*"],
                "reviewer_users": [5],
                "variables": {"STACK": "dev"},
                "secrets": {"PULUMI_CONFIG_PASSPHRASE": os.environ["WIRED_SECRET"]},
            }
        ],
    },
)
group = RunnerGroup(
    "gpus",
    {
        "group": "gpus",
        "repository_ids": [config.require_int("repositoryId")],
        "workflows": ["mlops/github-tests/.github/workflows/train.yml@refs/heads/main"],
    },
)
pulumi.export("repository", wired.repository)
pulumi.export("group", group.group_id)
