"""What a person sees of an invalid stack file through the real engine: the parser's message, whole, and no other.

All of the files are read by the parser in tests/config; these are the kinds of mistakes that the engine might tell by
itself, or hand over as something else: other types, keys with nothing behind them, numbers, texts that look like them.
"""

from pathlib import Path

import pytest
import yaml

from lab.trial.stack import Stack
from tests.config.test_invalid_stacks import FILES, MARK

# A type at the top, once declared in Pulumi.yaml; a value below it; a key that is no key.
KINDS = (
    "pools-that-are-a-mapping", "an-odd-truth", "no-time", "hours-as-a-deadline", "too-many-failed-pods-kept",
    "platform-as-a-list", "platform-that-is-false", "platform-with-nothing-behind-it", "gpu-with-nothing-behind-it",
    "several-keys-with-nothing-behind-them", "memory-as-a-number", "cpu-as-a-fraction-without-quotes",
    "hours-of-protection", "gpus-as-a-fraction-in-quotes",
    "label-with-a-zero-width-space", "ports-as-text", "keep-many-failed", "version-without-v", "unknown-key",
)  # fmt: skip
SAMPLED = [file for kind in KINDS for file in FILES if file.stem.partition("-")[2] == kind]


@pytest.fixture(scope="module")
def stack(backend: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """One whose kubeconfig leads nowhere: its config is read before anybody is asked."""
    folder = tmp_path_factory.mktemp("config-messages")
    nowhere = {
        "apiVersion": "v1", "kind": "Config", "current-context": "nowhere", "users": [{"name": "nobody", "user": {}}],
        "clusters": [{"name": "nowhere", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
    }  # fmt: skip
    (folder / "kubeconfig").write_text(yaml.safe_dump(nowhere))
    return Stack.make("config-messages", {}, folder, {**backend, "KUBECONFIG": str(folder / "kubeconfig")})


def test_every_kind_is_a_file() -> None:
    assert len(SAMPLED) == len(KINDS)


@pytest.mark.parametrize("file", SAMPLED, ids=lambda file: file.stem)
def test_the_engine_shows_the_parsers_problems_and_tells_none_itself(stack: Stack, file: Path) -> None:
    expected = [line.removeprefix(MARK) for line in file.read_text().splitlines() if line.startswith(MARK)]
    stack.configure(yaml.safe_load(file.read_text())["config"])
    outcome = stack.preview()
    assert outcome.code != 0
    said = [line.strip() for line in outcome.output.splitlines()]
    assert [line for line in said if "; cure: " in line] == expected
    assert "Traceback" not in outcome.output
    (first,) = {line.partition("error: ")[2] for line in said if "; nothing was changed:" in line}
    assert (
        first
        == f"the stack's config has {len(expected)} problem{'s' if len(expected) > 1 else ''}; nothing was changed:"
    )
