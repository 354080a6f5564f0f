"""Reads credentials, each a token or a GitHub App with its private key: the registrar's, and the one of `pulumi up`."""

import re
from collections.abc import Mapping
from typing import Final

import pulumi

from config.fields import Section
from values.credential import Credential
from values.problem import quoted
from values.scope import GITHUB

TOKEN_KEY: Final = "forgeToken"  # noqa: S105 - the name of a key
APP_KEY: Final = "githubApp"
PRIVATE_KEY_KEY: Final = "githubAppPrivateKey"
WIRING_TOKEN_KEY: Final = "githubToken"  # noqa: S105 - the name of a key
WIRING_APP_KEY: Final = "githubWiringApp"
WIRING_PRIVATE_KEY_KEY: Final = f"{WIRING_APP_KEY}PrivateKey"
VARIABLES: Final[Mapping[str, str]] = {
    TOKEN_KEY: "FORGE_TOKEN",
    PRIVATE_KEY_KEY: "GITHUB_APP_PRIVATE_KEY",
    WIRING_TOKEN_KEY: "GITHUB_TOKEN",
    WIRING_PRIVATE_KEY_KEY: "GITHUB_WIRING_APP_PRIVATE_KEY",
}
SECRET_KEYS: Final = tuple(VARIABLES)
TOKEN_KEYS: Final = (TOKEN_KEY, WIRING_TOKEN_KEY)
LONGEST_TOKEN: Final = 4096
_ID_CURE: Final = "copy it: the App's settings page shows its ID, the address of its installation ends with the other"
_TOKEN: Final = re.compile(rf"[!-~]{{1,{LONGEST_TOKEN}}}", re.ASCII)
_NUMBER: Final = r"[1-9][0-9]{0,17}"
_APP_ID: Final = re.compile(rf"{_NUMBER}|Iv[A-Za-z0-9.]{{1,60}}", re.ASCII)
_INSTALLATION_ID: Final = re.compile(_NUMBER, re.ASCII)


def read_credential(root: Section, forge: str, environment: Mapping[str, str], *, is_needed: bool) -> Credential | None:
    """The registrar's; notes what is wrong with it, and never shows it. None of a stack that does not need it: what its
    file holds is read as strictly, only that nothing may be missing; what the environment holds is meant for others.
    """
    given = environment if is_needed else {}
    token, key = (read_secret(root, name, VARIABLES[name], given) for name in (TOKEN_KEY, PRIVATE_KEY_KEY))
    app = root.section(APP_KEY)
    if not app.values:
        if not is_needed or not root.is_well(APP_KEY):
            return None
        if key and forge == GITHUB:
            root.note(APP_KEY, f"nothing, but {PRIVATE_KEY_KEY}", "appId beside the key", "see the App's settings page")
        elif not token:
            ways = f"`pulumi config set --secret {TOKEN_KEY}`, or set {VARIABLES[TOKEN_KEY]} in the environment"
            cure = f"{ways}; or name a {APP_KEY}" if forge == GITHUB else ways
            root.note(TOKEN_KEY, "nothing", "a token of the forge that may register and remove runners", cure)
        return Credential(token=token) if token else None
    if forge and forge != GITHUB:
        root.note(APP_KEY, "a GitHub App", f"{TOKEN_KEY} for the forge {forge}", f"remove {APP_KEY}")
    if token:
        root.note(APP_KEY, f"an App and {TOKEN_KEY}", "one of both", f"`pulumi config rm {TOKEN_KEY}`")
    credential = _read_app(root, APP_KEY, PRIVATE_KEY_KEY, key, is_needed=is_needed)
    return credential if is_needed else None


def read_wiring_credential(
    root: Section, registrars: Credential | None, environment: Mapping[str, str], *, is_needed: bool
) -> Credential | None:
    """What `pulumi up` declares things at GitHub with. The stack file goes before the environment, both before the
    registrar's; notes what is wrong with it, and never shows it. None where it is not needed, as in `read_credential`.
    """
    credential: Credential | None
    given = environment if is_needed else {}
    is_token_given = bool(pulumi.runtime.get_config(root.at(WIRING_TOKEN_KEY)))
    app = root.section(WIRING_APP_KEY)
    if app.values:
        if is_token_given:
            cure = f"`pulumi config rm {WIRING_TOKEN_KEY}`"
            root.note(WIRING_APP_KEY, f"an App and {WIRING_TOKEN_KEY}", "one of both", cure)
        variable = VARIABLES[WIRING_PRIVATE_KEY_KEY]
        key = read_secret(root, WIRING_PRIVATE_KEY_KEY, variable, given)
        credential = _read_app(root, WIRING_APP_KEY, WIRING_PRIVATE_KEY_KEY, key, is_needed=is_needed)
    else:
        token = read_secret(root, WIRING_TOKEN_KEY, VARIABLES[WIRING_TOKEN_KEY], given)
        credential = Credential(token=token) if token else registrars
    if not is_needed:
        return None
    if credential and credential.app_id and not credential.installation_id:
        allowed = "the number at the end of the installation's URL, since this stack declares things at GitHub"
        ways = f"{WIRING_TOKEN_KEY}, {VARIABLES[WIRING_TOKEN_KEY]} in the environment, or a {WIRING_APP_KEY}"
        cure = "copy it from the installation's page" + (f"; or give {ways}" if credential.app_key == APP_KEY else "")
        root.note(f"{credential.app_key}.installationId", "nothing", allowed, cure)
    return credential


def read_secret(root: Section, name: str, variable: str, environment: Mapping[str, str]) -> str:
    """An encrypted config value, else the variable's; "" where there is neither. Notes one in plain text, unshown."""
    full = root.at(name)
    text = pulumi.runtime.get_config(full)
    if not text:
        text = environment.get(variable, "")
        _check_token(root, name, text, f"{variable} in the environment")
        return text
    if not pulumi.runtime.is_config_secret(full):
        cure = f"revoke it, then `pulumi config set --secret {name}`, or set {variable} in the environment"
        root.note(name, "a credential in plain text", "an encrypted value", cure)
    _check_token(root, name, str(text), f"`printf %s TOKEN | pulumi config set --secret {name}`")
    return str(text)


def _check_token(root: Section, name: str, token: str, where: str) -> None:
    """Notes what no token holds and no HTTP header may; never shows it."""
    if name not in TOKEN_KEYS or not token or _TOKEN.fullmatch(token):
        return
    if len(token) > LONGEST_TOKEN:
        found = f"a text of {len(token)} letters"
    elif not token.isascii():
        found = "a token with letters that are not ASCII"
    else:
        found = "a token with a blank or a line break" if token.strip() else "nothing but blanks"
    allowed = f"a token: 1 to {LONGEST_TOKEN} visible ASCII letters"
    root.note(name, f"{found}, which is not shown", allowed, f"set it anew, without a line break at its end: {where}")


def _read_app(root: Section, app_key: str, private_key_key: str, key: str, *, is_needed: bool) -> Credential:
    app = root.section(app_key)
    app.known("appId", "installationId")
    if key or is_needed:
        _check_key(root, private_key_key, key)
    return Credential(
        app_id=_read_id(app, "appId", _APP_ID, "the number, or the client ID, on the App's settings page"),
        installation_id=_read_id(
            app, "installationId", _INSTALLATION_ID, "the number at the end of the installation's URL"
        )
        if app.has("installationId")
        else "",
        private_key=key,
        app_key=app_key,
    )


def _read_id(section: Section, name: str, syntax: re.Pattern[str], allowed: str) -> str:
    section.reads(name, {"type": ["integer", "string"], "description": allowed}, required=name == "appId")
    value = section.value(name)
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not syntax.fullmatch(text):
        section.note(name, quoted(value), allowed, _ID_CURE)
    return text


def _check_key(root: Section, name: str, key: str) -> None:
    cure = f"`pulumi config set --secret {name} < app.private-key.pem`"
    cure += f", or set {VARIABLES[name]} in the environment"
    allowed = "the App's private key in PEM: as GitHub gives it (PKCS#1) or as PKCS#8, without a passphrase"
    if not key:
        root.note(name, "nothing", allowed, cure)
        return
    # Only here: most stacks have none, and each `up` and preview would wait for the library.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        parsed = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError):  # whose words might quote it
        root.note(name, "no such key", allowed, cure)
        return
    if not isinstance(parsed, RSAPrivateKey):
        root.note(name, "a key of another kind than RSA", allowed, cure)
