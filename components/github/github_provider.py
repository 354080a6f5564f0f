"""Pulumi's GitHub provider for one owner, from the same values as everything else that talks to GitHub."""

from typing import Optional

import pulumi
import pulumi_github as github
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from values.credential import Credential
from values.scope import ForgeScope


def github_provider(
    owner: str, forge: ForgeScope, proof: Credential, write_delay_ms: Optional[int] = None
) -> github.Provider:
    """The provider `github-OWNER`. An App needs its installation; without a delay, it waits 1 s between two writes."""
    return github.Provider(
        f"github-{owner}",
        owner=owner,
        base_url=f"{forge.api_url}/",
        # Never None: the SDK would take a token from the environment instead, beside an App.
        token=pulumi.Output.secret(proof.token),
        app_auth=None if proof.token else _app(proof),
        write_delay_ms=write_delay_ms,
    )


def _app(proof: Credential) -> github.ProviderAppAuthArgs:
    # No dict: the SDK would hand on its keys as they stand here, and the provider would not know them.
    return github.ProviderAppAuthArgs(
        id=proof.app_id,
        installation_id=proof.installation_id,
        pem_file=pulumi.Output.secret(_as_pkcs1(proof.private_key)),
    )


def _as_pkcs1(pem: str) -> str:
    """The only form that the provider reads."""
    key = load_pem_private_key(pem.encode(), password=None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
