"""The lab cluster's own certificate authority: one CA, one certificate per part, kubeconfigs with both inside."""

import base64
import datetime
import ipaddress
import json
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 3650


class Authority:
    """Issues the cluster's certificates into one folder; files that exist are kept, as a second `lab up` must."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.path("ca.crt").exists():
            key = ec.generate_private_key(ec.SECP256R1())
            name = _name("lab-ca")
            certificate = _builder(name, name, key.public_key()).add_extension(
                x509.BasicConstraints(ca=True, path_length=0), critical=True
            )
            self._write("ca", key, certificate.sign(key, hashes.SHA256()))

    def path(self, name: str) -> Path:
        """A file of this authority."""
        return self.folder / name

    def issue(self, name: str, subject: str, groups: tuple[str, ...] = (), addresses: tuple[str, ...] = ()) -> None:
        """Writes `<name>.crt` and `<name>.key` for a user (`subject`, `groups`) or a server (`addresses`)."""
        if self.path(f"{name}.crt").exists():
            return
        authority = x509.load_pem_x509_certificate(self.path("ca.crt").read_bytes())
        signer = serialization.load_pem_private_key(self.path("ca.key").read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101  written above
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = _builder(_name(subject, groups), authority.subject, key.public_key()).add_extension(
            x509.ExtendedKeyUsage(usages), critical=False
        )
        if addresses:
            builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(a) for a in addresses]), False)
        self._write(name, key, builder.sign(signer, hashes.SHA256()))

    def service_account_key(self) -> Path:
        """The RSA key that signs ServiceAccount tokens."""
        path = self.path("service-account.key")
        if not path.exists():
            _write_private(path, rsa.generate_private_key(public_exponent=65537, key_size=2048))
        return path

    def kubeconfig(self, name: str, server: str, path: Path) -> Path:
        """Writes a kubeconfig of the user `<name>`, everything embedded."""

        def embedded(file: str) -> str:
            return base64.b64encode(self.path(file).read_bytes()).decode()

        user = {
            "client-certificate-data": embedded(f"{name}.crt"),
            "client-key-data": embedded(f"{name}.key"),
        }
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "lab", "cluster": {"server": server, "certificate-authority-data": embedded("ca.crt")}}
            ],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": name}}],
            "current-context": "lab",
        }
        path.write_text(json.dumps(content, indent=1))  # JSON is YAML
        path.chmod(0o600)
        return path

    def _write(self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        _write_private(self.path(f"{name}.key"), key)
        self.path(f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _write_private(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _name(common: str, groups: tuple[str, ...] = ()) -> x509.Name:
    """Kubernetes reads the user from the common name and the groups from the organizations."""
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
    )
