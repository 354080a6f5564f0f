"""A certificate that a client shows and that vouches for itself. Pure but for the clock and random numbers.

No CA signs it: who trusts it trusts this one and no other, and its key can sign none.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from components.platform.serving_certificate import CLOCK_SKEW, LIFETIME

MOST_OF_A_NAME: Final = 64  # characters of a common name


@dataclass(frozen=True)
class ClientCertificate:
    """PEM texts: the certificate and its key."""

    certificate: str
    key: str


def issue_client_certificate(name: str, now: datetime | None = None) -> ClientCertificate:
    """A certificate under this name, which only people read. now defaults to the present, in UTC."""
    start = (now or datetime.now(UTC)) - CLOCK_SKEW
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:MOST_OF_A_NAME])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return ClientCertificate(certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode())
