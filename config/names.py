"""Reads the words that several sections hold: of images, namespaces and runner labels."""

import re
from typing import Final

from config.fields import Section
from config.kinds import TextKind, text_kind
from values.kubernetes_syntax import CLUSTERS_OWN, DNS_LABEL, IMAGE, has_digest, is_bare_digest, is_dns_label, is_image
from values.runner_label import LONGEST_LABEL, MOST_LABELS, is_runner_label
from values.secrecy import without_login, without_secrets
from values.visible_text import visible

MOST_SHOWN: Final = 6  # labels in a cure
DNS: Final = "a DNS-1123 label: at most 63 lowercase letters, digits and '-', with a letter or digit at both ends"
IMAGE_KIND: Final = TextKind(
    is_image,
    "an image reference, e.g. registry.example.com/cuda:12.4",
    lambda text: _image_cure(text, "registry.example.com/cuda:12.4"),
    {"pattern": f"^{IMAGE}$", "maxLength": 512},
)
IMAGE_BY_DIGEST: Final = TextKind(
    lambda text: is_image(text) and has_digest(text),
    "an image with a digest, e.g. registry.example.com/cuda@sha256:…",
    lambda text: (
        "append the digest that your registry shows, or set gpu-runners:allowImageTags to true"
        if is_image(text) and not text.isdecimal()
        else _image_cure(text, "registry.example.com/cuda@sha256:…")
    ),
    IMAGE_KIND.schema,
)
NAMESPACE_KIND: Final = text_kind(is_dns_label, DNS, "write e.g. gpu-runners-dev", {"pattern": f"^{DNS_LABEL}$"})


def _may_be_shown(text: str) -> bool:
    """Whether a cure may repeat it: nothing in it looks like a credential."""
    return without_secrets(without_login(text)) == text


def _label_cure(text: str) -> str:
    seen = visible(text)
    if seen != text and is_runner_label(seen) and " " not in seen:
        return f"write {seen}, without blanks and letters that nobody sees"
    if "," in seen or " " in seen:
        parts = [part for part in re.split(r"[, ]+", seen) if part]
        is_list = 1 < len(parts) <= MOST_SHOWN and all(map(is_runner_label, parts)) and _may_be_shown(seen)
        return f"write [{', '.join(parts) if is_list else 'one, two'}], each label on its own"
    return "write one word, e.g. gpu; a job that writes it otherwise in `runs-on` gets no such runner"


LABEL_KIND: Final = TextKind(
    lambda text: is_runner_label(text) and " " not in text,
    f"a runner label as in `runs-on`: at most {LONGEST_LABEL} of A-Z, a-z, 0-9 and _ . + / = -, the first a letter, a "
    "digit or _",
    _label_cure,
    {"pattern": "^[A-Za-z0-9_](?:[A-Za-z0-9_.+/=-]{0,126}[A-Za-z0-9_.+/=-])?$"},
)


def read_image(section: Section, name: str, *, tags_allowed: bool) -> str:
    """An image, by digest unless the stack allows tags."""
    return section.text(name, IMAGE_KIND if tags_allowed else IMAGE_BY_DIGEST)


def read_own_namespace(section: Section, name: str, *, required: bool = True) -> str:
    """The name of a namespace that the program makes, so none of the cluster's own; "" where it may be left out."""
    read = section.text if required else section.optional_text
    namespace = read(name, NAMESPACE_KIND) or ""
    if namespace in CLUSTERS_OWN:
        allowed = f"any but the cluster's own: {', '.join(CLUSTERS_OWN)}"
        cure = "name one that holds nothing else; `pulumi up` of the platform makes it"
        section.note_where_written(name, namespace, allowed, cure)
    return namespace


def read_runner_labels(section: Section) -> list[str]:
    """Words of `runs-on`; the pod's annotation parts them by commas, and Gitea's runner knows a meaning of colons."""
    labels = section.texts("labels", LABEL_KIND, MOST_LABELS)
    section.once("labels", labels, "GitHub makes no difference between upper and lower case")
    return labels


def _image_cure(text: str, example: str) -> str:
    name, at, _ = text.rpartition("@")
    if "://" in text:
        bare = text.partition("://")[2]
        is_whole = is_image(bare) and _may_be_shown(text) and (has_digest(bare) or "@" not in example)
        return f"leave the scheme out: {bare}" if is_whole else f"leave the scheme out, e.g. {example}"
    if is_bare_digest(text):
        return f"write the image's name before its digest, e.g. {example}"
    if visible(text) != text and is_image(visible(text)):
        return f"write {visible(text)}, without blanks and letters that nobody sees"
    if at and is_image(name):
        return "write the digest as your registry shows it: sha256: and 64 digits of 0-9 and a-f"
    if text != text.lower():
        return f"write the repository in lower case, as registries have it, e.g. {example}"
    return f"write e.g. {example}"
