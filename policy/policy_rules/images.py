"""image-digest: what runs is named by its content, so that no change escapes a preview."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from policy_rules.resources import Resource, pods, text
from policy_rules.rule import Rule, Settings, Violation, sentence

_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}$")


def check(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """Settings: acceptTags, patterns of images that need no digest."""
    accepted = settings.get("acceptTags", [])
    for resource, pod in pods(resources):
        for container in pod.containers():
            image = text(container, "image")
            if image and not _DIGEST.search(image) and not any(fnmatchcase(image, pattern) for pattern in accepted):
                place = f"container {text(container, 'name')}"
                cure = "append the digest that the registry shows, or name the image in acceptTags"
                yield Violation(resource.urn, sentence(place, image, "an image with @sha256:…", cure))


RULE: Final = Rule(
    "image-digest",
    "Images are pinned by digest.",
    check,
    settings={"acceptTags": {"type": "array", "items": {"type": "string"}, "default": []}},
)
