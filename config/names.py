"""Reads the words that several sections hold: of images, namespaces and runner labels, and quantities."""

from typing import Final

from config.fields import Section
from values.kubernetes_syntax import has_digest, is_dns_label, is_image, is_quantity

# Kubernetes' own, and where everybody's objects land who names no namespace.
_CLUSTERS_OWN: Final = ("default", "kube-node-lease", "kube-public", "kube-system")
_DNS: Final = "a DNS-1123 label: at most 63 lowercase letters, digits and '-', with a letter or digit at both ends"


def read_image(section: Section, name: str, *, tags_allowed: bool) -> str:
    """An image, by digest unless the stack allows tags."""
    if tags_allowed:
        return section.text(name, is_image, "an image reference, e.g. registry.example.com/cuda:12.4")
    return section.text(
        name,
        lambda text: is_image(text) and has_digest(text),
        "an image with a digest, e.g. registry.example.com/cuda@sha256:…",
        "append the digest that your registry shows, or set gpu-runners:allowImageTags to true",
    )


def read_namespace(section: Section, name: str) -> str:
    """The name of a namespace."""
    return section.text(name, is_dns_label, _DNS)


def read_own_namespace(section: Section, name: str) -> str:
    """The name of a namespace that the program makes, so none of the cluster's own."""
    namespace = read_namespace(section, name)
    if namespace in _CLUSTERS_OWN:
        allowed = f"any but the cluster's own: {', '.join(_CLUSTERS_OWN)}"
        section.note(name, namespace, allowed, "name one that holds nothing else; `pulumi up` makes it")
    return namespace


def read_runner_labels(section: Section, cure: str = "") -> list[str]:
    """Words of `runs-on`; the pod's annotation parts them by commas, and Gitea's runner knows a meaning of colons."""
    return section.texts(
        "labels",
        lambda text: bool(text) and not any(letter in ",:" or letter.isspace() for letter in text),
        "a runner label: a word without comma, colon or space, as in `runs-on`",
        cure,
    )


def read_quantity(section: Section, name: str) -> str:
    """An amount of CPU, memory or storage."""
    return section.text(name, is_quantity, 'a positive Kubernetes quantity in quotes, e.g. "500m" or "8Gi"')
