"""Whether the forge will let a stack work there, asked before anything is declared."""

from collections.abc import Callable

from access.github.registrar import ask_about_registrar
from access.github.wiring import ask_about_wiring
from values.forge_questions import ForgeQuestions
from values.scope import GITHUB


def require_forge(questions: ForgeQuestions | None, warn: Callable[[str], object]) -> None:
    """Raises ForgeRefusedError with every problem. Only GitHub can tell beforehand; Gitea is not asked."""
    if questions is None or questions.registrar.forge.kind != GITHUB:
        return
    answers = ask_about_registrar(questions.registrar)
    if questions.wiring is not None:
        answers += ask_about_wiring(questions.wiring)
    answers.require(questions.registrar.forge.url, warn)
