"""Grant: whose pods may become runners, and of what."""

from typing import NotRequired, TypedDict


class Grant(TypedDict):
    """A namespace whose pods may become runners of a scope."""

    namespace: str
    """The trust zone: whoever may create pods here can obtain a runner of the scope."""
    scope: str
    """`owner/repository`, `owner`, or "" for all of the forge."""
    service_accounts: list[str]
    """Accounts whose pods are runners."""
    runner_group: NotRequired[str]
    """The forge's group for these runners, where it has groups."""
