"""Reads the names that several sections hold: of images and of namespaces."""

from typing import Final

from config.fields import Section
from values.kubernetes_syntax import has_digest, is_dns_label, is_image

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
