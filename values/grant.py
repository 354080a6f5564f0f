"""Grant: whose pods may become runners, and of what."""

from dataclasses import dataclass

from values.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Pods of `namespace` under one of `service_accounts` may become runners of `scope`.

    The namespace is the trust zone: whoever may create pods there can obtain a runner of the scope. runner_group is the
    forge's group for these runners, None for its default one and where it has no groups. labels are those
    that its pods may offer, None for any.
    """

    namespace: str
    scope: Scope
    service_accounts: tuple[str, ...]
    runner_group: str | None = None
    labels: frozenset[str] | None = None
