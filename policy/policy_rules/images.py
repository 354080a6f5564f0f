"""image-digest: what runs is named by its content, so that no change escapes a preview."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from policy_rules.resources import Resource, text
from policy_rules.rule import Rule, Settings, Violation, sentence, unjudged
from policy_rules.unknown import EACH
from policy_rules.workloads import CONTAINERS, pods

_DIGEST: Final = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")
_CURE: Final = "append the digest that the registry shows, or name the image in acceptTags"
# An image may be mounted as well: https://kubernetes.io/docs/tasks/configure-pod-container/image-volumes/
_READ: Final = (
    *(("spec", name, EACH, "image") for name in CONTAINERS),
    ("spec", "volumes", EACH, "image", "reference"),
)


def check(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """Settings: acceptTags, patterns of images that need no digest."""
    accepted = settings.get("acceptTags", [])
    for resource, pod in pods(resources):
        yield from (Violation(resource.urn, message) for message in unjudged(pod.not_known(*_READ)))
        for container in pod.containers():
            image = container.get("image", "" if resource.is_patch else None)
            if image is None or (isinstance(image, str) and image and not _is_pinned(image, accepted)):
                place = f"container {text(container, 'name')}"
                found = str(image or "no image")
                yield Violation(resource.urn, sentence(place, found, "an image with @sha256:…", _CURE))


def _is_pinned(image: str, accepted: Sequence[str]) -> bool:
    return bool(_DIGEST.fullmatch(image)) or any(fnmatchcase(image, pattern) for pattern in accepted)


RULE: Final = Rule(
    "image-digest",
    "Images are pinned by digest.",
    check,
    settings={"acceptTags": {"type": "array", "items": {"type": "string"}, "default": []}},
)
