"""ClusterChoice: which cluster Pulumi's default provider talks to, from the same words, so that nobody asks another."""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROVIDER: Final = "kubernetes"
# What of the provider's config selects a cluster (pulumi.com/registry/packages/kubernetes/installation-configuration).
KEYS: Final = ("kubeconfig", "context", "cluster")


@dataclass(frozen=True)
class ClusterChoice:
    """What selects a cluster; "" wherever nothing is said.

    kubeconfig is the stack's: the path of a file, or its text. files is KUBECONFIG: paths, as kubectl reads them.
    Relative paths are those of the program's folder, where Pulumi starts its provider. home is HOME, where
    `.kube/config` lies; account_home the folder of the account, which alone is the provider's `~/` (tried with
    pulumi-kubernetes 4.25). In a job's container the two differ. None: the account has no entry.
    """

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    files: str = ""
    home: Path = Path("/")
    folder: Path = Path()
    account_home: Path | None = None

    @classmethod
    def of_stack(
        cls, provider: Mapping[str, str], environment: Mapping[str, str], folder: Path = Path()
    ) -> "ClusterChoice":
        """The choice of a stack of the program in this folder; provider holds its config of KEYS."""
        kubeconfig, context, cluster = (provider.get(key) or "" for key in KEYS)
        home = Path(environment.get("HOME", "/"))
        return cls(kubeconfig, context, cluster, environment.get("KUBECONFIG", ""), home, folder, _account_home())


def _account_home() -> Path | None:
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None
