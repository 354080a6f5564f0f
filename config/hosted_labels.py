"""Runner labels that mean GitHub's own runners: refused at GitHub's own service, elsewhere doubtful.

A self-hosted runner may have any label, and GitHub gives a job to an idle one that has all of the job's, to a runner of
its own only where there is none (the log in issue 12330 of actions/runner-images; issue 1594 there is of somebody whom
it surprised). A server of one's own has no runners but these, and such labels let common workflows run there.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from config.fields import Section
from config.platform import PlatformConfig
from values.pool import RunnerPool
from values.problem import Problem
from values.runner_label import is_hosted_label
from values.scope import GITHUB

_ALLOWED: Final = "none that GitHub's own runners have: ubuntu, windows or macos with a version, `latest` or `slim`"
_MIX: Final = "jobs that mean GitHub's own runners get these, and those that mean these get GitHub's while none is idle"


def refuse_hosted_labels(root: Section, pools: Iterable[RunnerPool], platform: PlatformConfig) -> None:
    """Notes those of a platform's environments, and of the pools in them, at github.com or a tenant of ghe.com."""
    if not platform.forge.is_hosted:
        return
    for index, environment in enumerate(platform.environments):
        _refuse(root, f"platform.environments[{index}].labels", environment.labels)
    own = {environment.namespace for environment in platform.environments}
    for index, pool in enumerate(pools):
        if pool["namespace"] in own:
            _refuse(root, f"pools[{index}].labels", pool["labels"])


def doubtful_labels(pools: Iterable[RunnerPool], judged: Collection[str]) -> Iterator[Problem]:
    """Those of pools of which nobody here knows at which GitHub they are; judged: namespaces of which it is known."""
    for pool in pools:
        hosted = [label for label in pool["labels"] if is_hosted_label(label)]
        if hosted and pool["forge"] == GITHUB and pool["namespace"] not in judged:
            yield Problem(
                f"labels of pool {pool['name']}",
                f"{', '.join(hosted)}: at github.com {_MIX}",
                f"there {_ALLOWED}",
                f"write another, {_another(hosted[0])}; at a GitHub Enterprise Server it may stay",
            )


def _refuse(root: Section, key: str, labels: Iterable[str]) -> None:
    for label in filter(is_hosted_label, labels):
        root.note(key, f"{label}: {_MIX}", _ALLOWED, f"write another, {_another(label)}")


def _another(label: str) -> str:
    return f"e.g. gpu-{label}, here and in `runs-on`"
