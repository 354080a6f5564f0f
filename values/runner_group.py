"""Runner groups at GitHub: which of an organization's a grant means."""


def is_meant(wanted: str | None, *, name: str, is_default: bool) -> bool:
    """Whether a grant that names `wanted`, None for the default one, means the group of this name."""
    return is_default if wanted is None else name == wanted
