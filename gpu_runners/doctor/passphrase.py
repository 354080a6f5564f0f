"""Whether a passphrase opens the secrets of a stack, told from the salt that Pulumi keeps beside them. Opens no secret.

The salt is `v1:SALT:v1:NONCE:SEALED` in base64: the word `pulumi`, sealed with AES-256-GCM. PBKDF2 makes the key of
passphrase and salt in a million rounds of SHA-256 (pulumi/pulumi, sdk/go/common/resource/config/crypt.go).
"""

import binascii
import hashlib
from base64 import b64decode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_ROUNDS: Final = 1_000_000
_KEY_BYTES: Final = 32
_SEALED: Final = b"pulumi"
_PARTS: Final = 5


def opens(passphrase: str, salt: str) -> bool:
    """Whether it is the stack's passphrase; False for a salt of another form."""
    parts = salt.split(":")
    if len(parts) != _PARTS or (parts[0], parts[2]) != ("v1", "v1"):
        return False
    try:
        seed, nonce, sealed = (b64decode(part, validate=True) for part in (parts[1], parts[3], parts[4]))
        key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), seed, _ROUNDS, _KEY_BYTES)
        return AESGCM(key).decrypt(nonce, sealed, None) == _SEALED
    except (binascii.Error, ValueError, InvalidTag):
        return False
