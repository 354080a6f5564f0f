"""Reads the pull Secrets that a platform makes: their names, and where their contents come from.

A content never stands in the stack file: that names it, its value is a config secret or in the environment.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from config.credential import read_secret
from config.fields import Section
from config.kinds import text_kind
from config.pod_extras import PULL_SECRET_KIND
from config.wiring_secrets import NAMES, VARIABLE_PREFIX, is_variable_name
from values.registry_login import read_logins

KEY: Final = "pullSecrets"
MOST_SECRETS: Final = 20
ALLOWED: Final = 'what `docker login` writes, with a credential for each registry: {"auths": {"HOST": {"auth": "…"}}}'
_FROM: Final = text_kind(
    is_variable_name, f"the config key that holds it, encrypted: {NAMES}", "write e.g. REGISTRY_LOGIN"
)


def read_pull_secrets(root: Section, platform: Section, environment: Mapping[str, str]) -> dict[str, str]:
    """The contents by the Secrets' names. What is wrong with a content is noted, and nothing of it shown."""
    contents: dict[str, str] = {}
    for named in platform.sections(KEY, MOST_SECRETS):
        section = replace(named, is_private=True)  # people write the content itself there
        section.known("name", "from")
        name, source = section.text("name", PULL_SECRET_KIND), section.text("from", _FROM)
        if name and name in contents:
            section.note("name", f"{name} again", "each name once", "remove one, or name it otherwise")
        if not name or not source:
            continue
        variable = f"{VARIABLE_PREFIX}{source}"
        content = read_secret(root, source, variable, environment)
        if wrong := _what_is_wrong(content):
            cure = f"`docker login HOST`, then `pulumi config set --secret {source} < FILE`, or set {variable}"
            section.note("from", f"{source}, {wrong}", ALLOWED, cure)
        contents[name] = content
    return contents


def _what_is_wrong(content: str) -> str:
    """In words that show nothing of it; "" where it is well."""
    if not content:
        return "which has no value"
    try:
        read_logins(content)
    except ValueError as error:
        return f"but {error}"
    return ""
