"""A GitHub App's private key in the forms in which it may be handed over."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PKCS1, PKCS8 = serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8


def private_key(form: serialization.PrivateFormat = PKCS1) -> str:
    """The App's key as PEM."""
    return KEY.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
