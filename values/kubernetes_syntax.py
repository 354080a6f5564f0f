"""What Kubernetes accepts as a name, a label or a quantity, as predicates. Knows no config and raises nothing."""

import ipaddress
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

# Kubernetes' own namespaces, and where everybody's objects land who names no namespace.
CLUSTERS_OWN: Final = ("default", "kube-node-lease", "kube-public", "kube-system")
DNS_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_DNS_LABEL: Final = re.compile(DNS_LABEL)
DNS_SUBDOMAIN: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
_DNS_SUBDOMAIN: Final = re.compile(DNS_SUBDOMAIN)
LONGEST_SUBDOMAIN: Final = 253
_NAME_PART: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_QUANTITY: Final = re.compile(r"([0-9]+|[0-9]*\.[0-9]+)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
# https://github.com/distribution/reference: a host with a port, folders in lower case, a tag, a digest.
_HOST: Final = (
    r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]{1,5})?"
)
_FOLDER: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
IMAGE: Final = (
    rf"(?:{_HOST}/)?{_FOLDER}(?:/{_FOLDER})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
_IMAGE: Final = re.compile(IMAGE, re.ASCII)
_PORT: Final = re.compile(r"[^/:@]+:([0-9]{1,5})/", re.ASCII)
_BARE_DIGEST: Final = re.compile(r"(?:@?sha256:)?[0-9a-f]{64}", re.ASCII)
LONGEST_IMAGE: Final = 512
IMAGE_BEGINNING: Final = r"[a-z0-9][A-Za-z0-9._-]*(:\d+(?=/))?(/[A-Za-z0-9._-]+)*/?"
_IMAGE_BEGINNING: Final = re.compile(IMAGE_BEGINNING, re.ASCII)
_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}$")


def is_dns_label(text: str) -> bool:
    """A DNS-1123 label: the name of a namespace, a Deployment, a ServiceAccount."""
    return _DNS_LABEL.fullmatch(text) is not None


def is_dns_subdomain(text: str) -> bool:
    """A DNS-1123 subdomain: the name of a Secret, a RuntimeClass, a PriorityClass."""
    return len(text) <= LONGEST_SUBDOMAIN and _DNS_SUBDOMAIN.fullmatch(text) is not None


def is_label_key(text: str) -> bool:
    """A label's key, with or without a DNS prefix; taint keys follow the same rule."""
    prefix, slash, name = text.rpartition("/")
    if slash and not is_dns_subdomain(prefix):
        return False
    return _NAME_PART.fullmatch(name) is not None


def is_label_value(text: str) -> bool:
    """A label's value; the empty one is a value too."""
    return text == "" or _NAME_PART.fullmatch(text) is not None


def is_extended_resource(text: str) -> bool:
    """A device plugin's resource: always with a domain, so that `cpu` or `gpu` is none."""
    return "/" in text and is_label_key(text) and not text.startswith(("kubernetes.io/", "requests."))


_SUFFIXES: Final[Mapping[str, Fraction | int]] = {
    "": 1, "m": Fraction(1, 1000), "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50,
}  # fmt: skip


def amount(quantity: str) -> Fraction:
    """How much a quantity is, in cores or bytes. Raises ValueError for what is none."""
    match = _QUANTITY.fullmatch(quantity)
    if match is None:
        raise ValueError(f"{quantity!r} is no Kubernetes quantity")
    return Fraction(match[1]) * _SUFFIXES[match[2] or ""]


def bytes_quantity(size: Fraction) -> str:
    """Bytes as the API server writes them, rounded up to whole mebibytes."""
    mebibytes = -(-size // 2**20)
    for suffix in ("Mi", "Gi", "Ti"):
        if mebibytes % 1024 or suffix == "Ti":
            return f"{mebibytes}{suffix}"
        mebibytes //= 1024
    raise AssertionError("the last suffix fits all")


def is_image(text: str) -> bool:
    """An image reference: name, maybe tag, maybe digest."""
    if len(text) > LONGEST_IMAGE or _IMAGE.fullmatch(text) is None or is_bare_digest(text):
        return False
    port = _PORT.match(text)
    return port is None or 0 < int(port[1]) <= 65535


def is_bare_digest(text: str) -> bool:
    """A digest, or the number of an image, without a name: registries have none that is called so."""
    return _BARE_DIGEST.fullmatch(text) is not None


def is_image_beginning(text: str) -> bool:
    """An image's name without tag and digest, or the folders above it, e.g. `registry.example.com:5000/ml/`."""
    return _IMAGE_BEGINNING.fullmatch(text) is not None


def has_digest(image: str) -> bool:
    """Whether the reference pins the image's content."""
    return _DIGEST.search(image) is not None


def is_cidr(text: str) -> bool:
    """An IPv4 or IPv6 network such as `10.85.0.1/32`, without host bits, with the number of its bits and no mask."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    return text.rpartition("/")[2] == str(network.prefixlen) and "%" not in text
