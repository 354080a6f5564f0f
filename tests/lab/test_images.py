"""Images by digest: what a stack asks for unless it allows tags."""

import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from lab.images import layout
from lab.trial.pods import Pods
from lab.trial.pools import SYSTEM_NAMESPACE, pool, pools_config
from lab.trial.stack import Stack


def by_digest(reference: str) -> str:
    """The same image of the lab, named by its content."""
    (digest,) = [entry["digest"] for entry in layout.descriptors() if entry["annotations"][layout.NAME] == reference]
    return f"{reference.removesuffix(':lab')}@{digest}"


def test_a_pool_of_images_by_digest_comes_online(
    make_stack: Callable[[str, Mapping[str, Any]], Stack], pods: Pods
) -> None:
    config = {
        **pools_config(pool("digests", image=by_digest("lab.local/cuda-mlops:lab"))),
        "gpu-runners:allowImageTags": False,
        "gpu-runners:runnerImage": by_digest("lab.local/gitea-runner:lab"),
    }
    make_stack("tests-digests", config).up().succeeded()
    (runner,) = pods.until_ready("digests", 1)
    assert "@sha256:" in runner.document["spec"]["containers"][0]["image"]


def test_a_pool_of_images_by_tag_is_refused_unless_the_stack_allows_tags(
    make_stack: Callable[[str, Mapping[str, Any]], Stack], pods: Pods
) -> None:
    config = {**pools_config(pool("tags")), "gpu-runners:allowImageTags": False}
    outcome = make_stack("tests-tags", config).up()
    assert outcome.code != 0
    assert "gpu-runners:pools[0].image" in outcome.output
    assert "sha256" in outcome.output
    assert pods.of("tags") == []


def test_the_registrars_image_has_no_shell(lab: dict[str, str], platform: Stack) -> None:
    def run(*command: str) -> int:
        words = ["kubectl", "exec", "-n", SYSTEM_NAMESPACE, "deployment/registrar", "--", *command]
        return subprocess.run(words, env=dict(lab), capture_output=True, check=False, timeout=30).returncode

    look = "import os, sys; sys.exit(any(os.path.exists(f'{d}/{n}') for d in os.environ['PATH'].split(':') + ['/bin']"
    shells = "for n in ('sh', 'bash', 'dash', 'ash', 'rbash', 'busybox', 'zsh')))"
    assert run("python3", "-c", f"{look} {shells}") == 0
    assert run("sh", "-c", "true") != 0
    assert run("/bin/bash", "-c", "true") != 0
