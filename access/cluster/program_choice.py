"""Which cluster this Pulumi program is about: all that this room knows of Pulumi's SDK, which takes long to load."""

from collections.abc import Mapping
from pathlib import Path

import pulumi

from access.cluster.choice import KEYS, PROVIDER, ClusterChoice


def choice_of_this_program(environment: Mapping[str, str], folder: Path = Path()) -> ClusterChoice:
    """The choice of the stack whose config the SDK holds."""
    config = pulumi.Config(PROVIDER)
    return ClusterChoice.of_stack({key: config.get(key) or "" for key in KEYS}, environment, folder)
