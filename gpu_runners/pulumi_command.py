"""The one runner of Pulumi's command line: one command on one stack, and nothing else.

Needs nothing but the standard library and `pulumi` on PATH.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from gpu_runners.child_process import Children, DeadlinePassedError, Ended
from gpu_runners.errors import CommandFailedError
from gpu_runners.pulumi_home import PULUMI_HOME, home_without_logs
from gpu_runners.state.check import check_state
from gpu_runners.state.expectation import declares_platform, expectation
from gpu_runners.state.private_copy import private_copy
from values.problem import ProblemsError, count_of
from values.secrecy import without_secrets_in_urls

DEADLINE_SECONDS: Final = 600
CHILDREN: Final = Children()
# Commands that neither act on what a state holds nor start a provider. Every other one waits for the state's check.
_STATE_IS_NOT_READ: Final = (
    ("config",),
    ("whoami",),
    ("stack", "ls"),
    ("stack", "init"),
    ("stack", "export"),
    ("cancel",),
)
_ONLY_TELL: Final = (("config", "--json"), ("config", "get"), ("whoami",), ("stack", "ls"))
_DEEPEST: Final = 100  # a state nests a dozen
_BEGINNING: Final = ".pulumi/meta.yaml"
_REVEAL: Final = "--show-secrets"
_BACKEND: Final = "PULUMI_BACKEND_URL"
# What is in Pulumi 3.2xx's words of a stack file that it cannot use; some of its commands say no more than the first.
_FILE_REFUSED: Final = re.compile(
    r"yaml: |invalid YAML file|incompatible YAML document|expected project to be an object|stack config"
    r"|decrypt configuration|malformed state"
)
_OWN_KEYS: Final = ("passphrase", "cloud")  # whoever opens a state's secrets with these needs no Pulumi Cloud


class PulumiFailedError(CommandFailedError):
    """Pulumi cannot be started, did not end, or refused. The message holds its own words."""


class StackUnknownError(PulumiFailedError):
    """The state backend does not know the stack."""


class StackFileUnreadableError(ProblemsError, PulumiFailedError):
    """Pulumi cannot read the stack's file. The message holds its words, and each place that is wrong with its cure."""


class StateForeignError(PulumiFailedError):
    """The stack's state holds what this program never makes. Nothing was run."""


@dataclass(frozen=True, kw_only=True)
class Answer(Ended):
    """What a command printed."""

    def document(self) -> Any:
        """The JSON on its output, None where there is none that can be read. Warnings may precede it."""
        start = self.output.find("{")
        try:
            document = json.loads(self.output[start:]) if start >= 0 else None
        except (ValueError, RecursionError):
            return None
        return None if _is_deep(document) else document

    @property
    def complaint(self) -> str:
        """Its own words, for a person; the address of a state backend may hold a password, and is in many of them."""
        words = self.errors.strip() or self.output.strip() or f"exit code {self.code}"
        return without_secrets_in_urls(words)[-1500:]

    @property
    def text(self) -> str:
        """Everything that it printed."""
        return self.output + self.errors


@dataclass
class _CheckedState:
    """What `pulumi stack export` printed last and the check let pass; None before."""

    document: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Program:
    """A Pulumi program in a folder, with one stack of it, whose state is input from outside.

    No command that acts on the state runs before it was held against what this program makes: once for each Program.
    One that only looks gets a copy of what was checked and never asks the backend, where it may be another one by then.
    """

    folder: Path
    stack: str
    config_file: Path
    variables: Mapping[str, str] = field(default_factory=dict)  # beside those of this process
    _checked: _CheckedState = field(default_factory=_CheckedState, init=False, compare=False, repr=False)

    def run(
        self,
        *arguments: str,
        on_stack: bool = True,
        with_config: bool = False,
        text: str | None = None,
        folder: Path | None = None,
        log: Path | None = None,
    ) -> Answer:
        """Runs a command, in another folder than the program's where one is given.

        text is its standard input: the place for a secret, which no list of processes shows. log is as in Children.run.

        Raises PulumiFailedError where it cannot be started or does not end, StackUnknownError, StateForeignError.
        """
        with self._place(arguments) if on_stack else nullcontext(self) as place:
            return place._call(
                *arguments, on_stack=on_stack, with_config=with_config, text=text, folder=folder, log=log
            )

    @contextmanager
    def _place(self, arguments: tuple[str, ...]) -> Iterator["Program"]:
        """Where a command on the stack runs, after the check that it needs: on the backend, or on a copy."""
        if not _acts_on_state(arguments):
            yield self
            return
        state = self._checked.document or self._checked_state()
        if not _only_looks(arguments) or self._is_in_pulumi_cloud(state):
            yield self
            return
        name = self.stack.rpartition("/")[2]
        with private_copy(state, name) as url:
            try:
                yield replace(self, stack=name, variables={**self.variables, _BACKEND: url})
            except StackUnknownError as error:  # the stack itself is there, and is not to be taken for a new one
                found = f"Pulumi does not find the copy of the state of {self.stack} that it was to look at"
                raise PulumiFailedError(f"{found}; use the version that constraints.txt names") from error

    def _is_in_pulumi_cloud(self, state: Mapping[str, Any]) -> bool:
        """Whether nobody but Pulumi Cloud opens the secrets of state and config, which it does for its own stacks.

        A state's word alone would let its writer choose, so Pulumi says which backend it uses.
        """
        provider = (state.get("deployment") or {}).get("secrets_providers") or {}
        if provider.get("type") in _OWN_KEYS:
            return False
        backend = self._call("whoami", "--json", on_stack=False).document() or {}
        return str(backend.get("url")).startswith(("https://", "http://"))

    def _call(
        self, *arguments: str, on_stack: bool, with_config: bool = False, text: str | None = None,
        folder: Path | None = None, log: Path | None = None,
    ) -> Answer:  # fmt: skip
        where = ["--stack", self.stack] if on_stack else []
        config = ["--config-file", str(self.config_file)] if with_config else []
        command = ["pulumi", *arguments, *config, *where, "--non-interactive", "--color=never"]
        environment, folder = {**_environment(), **self.variables}, folder or self.folder
        try:
            with home_without_logs(environment, folder) if _leaves_no_log(arguments) else nullcontext() as home:
                ended = CHILDREN.run(
                    command,
                    folder=folder,
                    environment={**environment, PULUMI_HOME: home} if home else environment,
                    deadline_seconds=DEADLINE_SECONDS,
                    text=text,
                    log=log,
                )
        except OSError as error:
            cure = "install it (https://www.pulumi.com/docs/install/) and put its folder on PATH"
            raise PulumiFailedError(f"`pulumi` cannot be started: {error.strerror}; {cure}") from error
        except DeadlinePassedError as error:
            raise PulumiFailedError(f"`pulumi {arguments[0]}` {error}") from error
        answer = Answer(code=ended.code, output=ended.output, errors=ended.errors)
        if on_stack and answer.code != 0 and self._is_unknown(answer.errors):
            cure = f"`pulumi stack ls` lists its stacks, `pulumi stack init {self.stack}` makes this one"
            raise StackUnknownError(f"the state backend knows no stack {self.stack}; {cure}")
        if on_stack and answer.code != 0 and is_about_stack_file(answer.errors):
            self._refuse_file(answer)
        return answer

    def _refuse_file(self, answer: Answer) -> None:
        """Raises StackFileUnreadableError where the file tells why Pulumi cannot read it."""
        try:
            from gpu_runners.stack_file import stack_file_problems  # noqa: PLC0415 - needs PyYAML, and this module not
        except ImportError:
            return
        problems = stack_file_problems(self.config_file.read_bytes()) if self.config_file.is_file() else []
        if problems:
            said = " ".join(answer.complaint.removeprefix("error: ").split())
            raise StackFileUnreadableError(f"{self.config_file.name}: Pulumi cannot read it ({said}):", problems)

    def _is_unknown(self, errors: str) -> bool:
        """Whether the backend has no such stack, or nothing at all yet: Pulumi begins one that may not be written to
        by a file of its own (pkg/backend/diy, `ensurePulumiMeta`), and only where there is no stack.
        """
        return f"no stack named '{self.stack}' found" in errors or f'write "{_BEGINNING}"' in errors

    def export(self) -> list[dict[str, Any]]:
        """The resources of the stack's state, after its check. Raises as deployment does."""
        return _resources(self._checked_state())

    def deployment(self) -> dict[str, Any]:
        """The stack's state, after its check: `manifest`, `resources`; empty for one that was never brought up.

        Raises PulumiFailedError, StackUnknownError, StateForeignError.
        """
        deployment: dict[str, Any] = self._checked_state().get("deployment") or {}
        return deployment

    def _checked_state(self) -> dict[str, Any]:
        """The state as it is by now, after its check."""
        with ThreadPoolExecutor(1) as beside:  # each takes Pulumi a third of a second to start
            config = beside.submit(lambda: self.config)
            text = self._succeed("stack", "export").output
            config.result()
        is_there = self.config_file.is_file()
        text_of_file = self.config_file.read_text() if is_there else ""
        problems = check_state(text, expectation(self.stack, self.config, text_of_file))
        if problems:
            first = f"{count_of(problems)} with the state of {self.stack}, which this program did not make like that:"
            hints = [] if is_there else [f"  {_no_file(self.stack)}"]
            raise StateForeignError("\n".join([first, *hints, *(f"  {problem}" for problem in problems)]))
        document: dict[str, Any] = json.loads(text)
        self._checked.document = document
        return document

    def declares_platform(self) -> bool:
        """Whether the stack's config has a platform. Raises PulumiFailedError, StackUnknownError."""
        return declares_platform(self.config)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The stack's config as Pulumi prints it, without secrets; asked for once. Raises PulumiFailedError."""
        return self._mapping("config", "--json", with_config=True)

    def export_with_secrets(self) -> list[dict[str, Any]]:
        """As export, with every secret in plain text."""
        return _resources(self._mapping("stack", "export", _REVEAL))

    def export_of(self, stack: str) -> list[dict[str, Any]]:
        """The resources of another stack's state, as data: nothing is checked and nothing acts on it."""
        return _resources({"deployment": self.deployment_of(stack)})

    def deployment_of(self, stack: str) -> dict[str, Any]:
        """Another stack's state, as data: empty for one that was never brought up. Raises PulumiFailedError."""
        deployment = replace(self, stack=stack)._mapping("stack", "export").get("deployment") or {}
        if not isinstance(deployment, dict):
            raise PulumiFailedError(f"state of {stack}: no state ({type(deployment).__name__})")
        return deployment

    def _mapping(self, *arguments: str, with_config: bool = False) -> dict[str, Any]:
        """What a command that has to succeed printed. Raises PulumiFailedError where that is no mapping of JSON."""
        answer = self._succeed(*arguments, with_config=with_config)
        document = answer.document()
        if not isinstance(document, dict):
            if with_config:
                self._refuse_file(answer)
            raise PulumiFailedError(
                f"`pulumi {' '.join(arguments)}` of stack {self.stack} printed no JSON that can be read"
            )
        return document

    def _succeed(self, *arguments: str, with_config: bool = False) -> Answer:
        answer = self.run(*arguments, with_config=with_config)
        if answer.code != 0:
            raise PulumiFailedError(f"`pulumi {' '.join(arguments)}` of stack {self.stack}: {answer.complaint}")
        return answer

    def other_stacks(self) -> list[str]:
        """The names of the project's other stacks in this backend. Raises PulumiFailedError."""
        return sorted(set(self.stacks()) - {self.stack})

    def stacks(self) -> dict[str, int | None]:
        """The project's stacks in this backend, and how many resources each has; None where the backend does not say.

        Raises PulumiFailedError.
        """
        answer = self.run("stack", "ls", "--json", on_stack=False)
        if answer.code != 0:
            raise PulumiFailedError(f"list of stacks: {answer.complaint}")
        try:
            stacks = json.loads(answer.output[answer.output.find("[") :])
            return {str(stack["name"]): stack.get("resourceCount") for stack in stacks}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise PulumiFailedError(f"list of stacks: no list ({type(error).__name__})") from error


@contextmanager
def begun_elsewhere(program: Program) -> Iterator[Program]:
    """The program with its stack, empty, in a backend that ends with this block: nobody else gets to see it."""
    with tempfile.TemporaryDirectory(prefix="gpu-runners-") as temporary:
        folder = Path(temporary)
        shutil.copy(program.folder / "Pulumi.yaml", folder)  # `stack init` writes a stack file beside it
        new = replace(program, variables={_BACKEND: f"file://{temporary}"})
        made = replace(new, folder=folder).run("stack", "init", program.stack, "--no-select", on_stack=False)
        if made.code != 0:
            raise PulumiFailedError(f"stack init {program.stack}: {made.complaint}")
        yield new


@contextmanager
def opened(folder: Path, stack: str, config_file: Path | None) -> Iterator[Program]:
    """A program whose stack file is a copy: Pulumi writes the salt of the passphrase into the one that it is given."""
    given = config_file or stack_file(folder, stack)
    with tempfile.TemporaryDirectory(prefix="gpu-runners-") as temporary:
        copy = stack_file(Path(temporary), stack)
        if given.exists():
            copy.write_bytes(given.read_bytes())  # a pipe, too
        yield Program(folder=folder, stack=stack, config_file=copy)


def stack_file(folder: Path, stack: str) -> Path:
    """Where Pulumi looks for a stack's config. Of ORGANIZATION/PROJECT/NAME the name counts."""
    return folder / f"Pulumi.{stack.rpartition('/')[2]}.yaml"


def is_about_stack_file(words: str) -> bool:
    """Whether Pulumi says that it cannot read a stack file."""
    return _FILE_REFUSED.search(words) is not None


def _no_file(stack: str) -> str:
    name = stack_file(Path(), stack).name
    return (
        f"{name}: not found, and it says what the state may hold; look from a checkout that has it, or name it "
        "(--config-file), before you believe what follows"
    )


def _is_deep(document: object) -> bool:
    """Whether it is nested deeper than `_DEEPEST`: what walks it would fail at that, in this Python or the next."""
    level = [document]
    for _ in range(_DEEPEST):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return True


def _resources(document: Any) -> list[dict[str, Any]]:
    return resources_of((document or {}).get("deployment") or {})


def resources_of(deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resources of a state that nobody has checked, as far as they are any."""
    resources = deployment.get("resources")
    return [resource for resource in resources if isinstance(resource, dict)] if isinstance(resources, list) else []


def _acts_on_state(arguments: tuple[str, ...]) -> bool:
    # An export that reveals opens secrets with whatever service the state names.
    return _REVEAL in arguments or not any(arguments[: len(command)] == command for command in _STATE_IS_NOT_READ)


def _only_looks(arguments: tuple[str, ...]) -> bool:
    """Of those that act on a state: whether a command writes nothing into it."""
    return arguments[0] == "preview" or "--preview-only" in arguments or arguments[:2] == ("stack", "export")


def _leaves_no_log(arguments: tuple[str, ...]) -> bool:
    """Whether a command changes nothing anywhere, so that nobody will ask later what it did."""
    return _only_looks(arguments) or any(arguments[: len(command)] == command for command in _ONLY_TELL)


def _environment() -> dict[str, str]:
    defaults = {
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_K8S_CLIENT_QPS": "500",
        "PULUMI_K8S_CLIENT_BURST": "1000",
        "PULUMI_DEBUG_COMMANDS": "true",  # for --event-log, the only place where policy violations are data
    }
    return {**defaults, **os.environ}
