"""What the registrar will prove itself with: a GitHub App that is made now or was before, or a token."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gpu_runners.app.handshake import make_app
from gpu_runners.app.manifest import Order
from gpu_runners.arguments import read_text
from gpu_runners.errors import UsageWrongError
from gpu_runners.init import forge as forges
from gpu_runners.init.core.stack import Stack
from gpu_runners.init.dialogue import Dialogue, Question
from gpu_runners.output import say
from values.scope import GITHUB, parse_scope

LONGEST: Final = 20_000


@dataclass(frozen=True)
class Credential:
    """secret: the token, or the App's key in PEM. install_page: of an App that was made just now."""

    secret: str = ""
    app_id: int | None = None
    install_page: str = ""

    @property
    def is_there(self) -> bool:
        """Whether there is one."""
        return bool(self.secret)


def given(dialogue: Dialogue) -> Credential | None:
    """What the flags say, None where they say nothing. Raises UsageWrongError."""
    app_id, key, token = (dialogue.given(flag) for flag in ("app-id", "app-key", "token-file"))
    if dialogue.given("no-credential"):
        if app_id or key or token:
            raise UsageWrongError("--no-credential and a credential: give one of them")
        return Credential()
    if (app_id is None) != (key is None):
        raise UsageWrongError("--app-id and --app-key belong together: the App's number, and the file with its key")
    if key is not None and token is not None:
        raise UsageWrongError("--app-key and --token-file: give one of them, the App's key or a token")
    try:
        if key is not None:
            return Credential(_key(_read(key)), int(app_id))
        return Credential(_token(_read(token))) if token is not None else None
    except ValueError as error:
        raise UsageWrongError(f"--{'token-file' if key is None else 'app-key'}: {error}") from None


def check_fits(credential: Credential | None, forge: str) -> None:
    """Raises UsageWrongError for an App at a forge that knows none."""
    if credential and credential.app_id is not None and forge != GITHUB:
        raise UsageWrongError(f"--app-id: found an App for {forge}; allowed: a token there, with --token-file")


def ask(stack: Stack, dialogue: Dialogue, environment: Mapping[str, str]) -> Credential:
    """The credential that a person makes or types now. Raises UsageWrongError, AppNotMadeError, AbortedError."""
    variable = "GITHUB_APP_PRIVATE_KEY" if stack.forge == GITHUB else "FORGE_TOKEN"
    if not dialogue.may_ask:
        flags = "--app-id and --app-key, or --token-file" if stack.forge == GITHUB else "--token-file"
        raise UsageWrongError(f"{flags}: missing, and nobody is there to be asked; --no-credential leaves it for later")
    if environment.get(variable):
        say(f"the environment has {variable}, which `pulumi up` takes first; what follows goes into the stack's file")
    if stack.forge != GITHUB:
        return Credential(_typed_token(dialogue))
    words = "press Enter to make an App in your browser, or type the number of one that you have"
    number = dialogue.answer(Question("app-id", words, _number), "new")
    if number == "new":
        return _made_now(stack, dialogue)
    file = dialogue.answer(Question("app-key", "file with its private key", _key_file))
    return Credential(_key(_read(Path(file))), int(number))


def _typed_token(dialogue: Dialogue) -> str:
    while True:
        try:
            return _token(dialogue.secret("a token of the forge that may register and remove runners there"))
        except ValueError as error:
            say(f"  {error}")


def _made_now(stack: Stack, dialogue: Dialogue) -> Credential:
    scope = parse_scope(GITHUB, stack.scope)
    is_organization = not scope.scope.is_repository or forges.is_organization(scope, stack.forge_ca)
    if is_organization is None:
        words = f"is {scope.scope.owner} an organization, or your own account? organization or account"
        answer = dialogue.answer(Question("owner", words, _owner), "organization")
        is_organization = answer == "organization"
    kind = "repository" if scope.scope.is_repository else "organization"
    order = Order(kind, scope.url, scope.scope.owner if is_organization else "", dialogue.given("app-name") or "")
    app = make_app(order, int(dialogue.given("port")), say, ca=stack.forge_ca)
    return Credential(str(app["pem"]), int(app["id"]), f"{app['html_url']}/installations/new")


def _owner(text: str) -> str:
    if text not in ("organization", "account"):
        raise ValueError(f"found {text!r}; allowed: organization, or account")
    return text


def _number(text: str) -> str:
    if text != "new" and not (text.isascii() and text.isdecimal() and int(text[:12]) > 0):
        raise ValueError(f"found {text!r}; allowed: the App's number, as its page shows it, or Enter for a new one")
    return text


def _key_file(text: str) -> str:
    _key(_read(Path(text)))
    return text


def _read(file: Path) -> str:
    """Raises ValueError, whose words hold nothing of the file."""
    return read_text(file, LONGEST)


def _key(text: str) -> str:
    try:
        load_pem_private_key(text.encode(), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ValueError("no private key in PEM without a passphrase; write the file that GitHub gave you") from None
    return text if text.endswith("\n") else f"{text}\n"


def _token(text: str) -> str:
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("found no token; allowed: one word of letters, digits and signs")
    return token
