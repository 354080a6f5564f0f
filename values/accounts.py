"""The ServiceAccounts that the platform makes in a namespace of runners, and the stacks that one of them deploys."""

from typing import Final, NotRequired, TypedDict

RUNNER: Final = "runner"  # no rights, no token
DEPLOYER: Final = "deployer"  # `pulumi up` runs as it
PREVIEWER: Final = "previewer"  # a pull request is reviewed as it
AUDITOR: Final = "auditor"  # the whole platform is looked at as it
# No pod runs as one of these: a job gets a token of one while the forge says that it is the job that may.
JOB_ACCOUNTS: Final = (DEPLOYER, PREVIEWER, AUDITOR)


class Deployment(TypedDict):
    """A stack that the deployer may bring up."""

    namespace: str
    """The namespace of the stack's pools."""
    stack: str
    """The stack's name."""
    autoscaled: NotRequired[bool]
    """Whether its pools may follow the queue."""
    prepull: NotRequired[bool]
    """Whether they may have their images pulled ahead."""
    claims: NotRequired[list[str]]
    """The claims of caches that they may mount."""
