"""The GitHub Apps of the demo: as a person makes them from our manifests, each with a key, and installs them."""

import json
from dataclasses import dataclass
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


@dataclass(frozen=True)
class App:
    """An App at the stand-in. `manifest` names its file in `gpu_runners/app`; numbers: those of the stack file."""

    manifest: str
    id: int
    installation: int

    def private_key(self) -> str:
        """In PEM, PKCS#1, as GitHub gives it. Made once in the life of a lab."""
        file = paths.STATE / "github" / f"{self.manifest}.private-key.pem"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            file.touch(mode=0o600)
            file.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        return file.read_text()

    def registration(self, organization: str) -> dict[str, Any]:
        """What the stand-in is told: the App with its public key, installed with what its manifest asks for."""
        manifest = json.loads((paths.REPOSITORY / "gpu_runners/app" / f"{self.manifest}.json").read_text())
        key = load_pem_private_key(self.private_key().encode(), password=None).public_key()
        permissions = manifest["default_permissions"]
        return {
            "id": self.id,
            "client_id": f"Iv23lab{self.id}",
            "slug": f"{manifest['name']}-demo",
            "public_key": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
            "installations": [{"id": self.installation, "organization": organization, "permissions": permissions}],
        }


REGISTRAR = App("organization", 4711, 47110)
WIRING = App("wiring", 4712, 47120)
