"""Reads a scope: the one URL that says which forge it is, and what of it."""

from config.fields import Section
from values.problem import quoted
from values.scope import ForgeScope, parse_scope


def read_scope(section: Section, forge: str) -> ForgeScope:
    """The field `scope`; notes what is wrong with it."""
    value = section.values.get("scope")
    try:
        if not isinstance(value, str):
            raise ValueError("it is no text")  # noqa: TRY004, TRY301 - one more thing that a scope is not
        return parse_scope(forge, value)
    except ValueError as error:
        section.note(
            "scope",
            f"{quoted(value)}: {error}",
            "the URL of a repository, an owner or the whole forge",
            "write e.g. https://gitea.example.com/owner/repository",
        )
        return ForgeScope(forge, "", "")
