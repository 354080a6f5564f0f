"""What every measurement works with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.trial.kubernetes import KubernetesApi


@dataclass(frozen=True)
class Workshop:
    """The cluster, a scratch folder, the environment of Pulumi commands, and the number of samples per figure."""

    api: KubernetesApi
    folder: Path
    variables: Mapping[str, str]
    runs: int
