"""Credential: what somebody proves themselves to a forge with."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Credential:
    """A token, else a GitHub App with its private key in PEM; secrets are in plain text and in no repr.

    installation_id may be "": the App's installation is then looked up. app_key is the App's name in the stack's
    config, which a cure names.
    """

    token: str = field(default="", repr=False)
    app_id: str = ""
    installation_id: str = ""
    private_key: str = field(default="", repr=False)
    app_key: str = "githubApp"
