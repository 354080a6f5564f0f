"""The GitHub App of the demo: its key, made once in the life of a lab, and where it is installed."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from lab import paths

APP_ID = 4711
INSTALLATION_ID = 47110
KEY = paths.STATE / "github" / "demo-app.private-key.pem"
# What the registrar needs and no more: the wiring of the repository has a credential of its own.
PERMISSIONS = {
    "organization_self_hosted_runners": "write",
    "administration": "write",
    "actions": "read",
    "metadata": "read",
}


def private_key() -> str:
    """In PEM, PKCS#1, as GitHub gives it."""
    if not KEY.exists():
        KEY.parent.mkdir(parents=True, exist_ok=True)
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        KEY.touch(mode=0o600)
        KEY.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return KEY.read_text()


def registration(organization: str) -> dict[str, Any]:
    """The App as the stand-in is told of it; at GitHub a person makes it and installs it."""
    key = load_pem_private_key(private_key().encode(), password=None).public_key()
    return {
        "id": APP_ID,
        "client_id": "Iv23labdemo",
        "slug": "gpu-runners-demo",
        "public_key": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "installations": [{"id": INSTALLATION_ID, "organization": organization, "permissions": PERMISSIONS}],
    }
