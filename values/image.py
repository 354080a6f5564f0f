"""References of images: which of them an environment admits."""

import re
from collections.abc import Sequence
from typing import Final

_DIGEST: Final = "@sha256:[0-9a-f]{64}"


def image_pattern(images: Sequence[str], *, tags_allowed: bool) -> str:
    """A regular expression, understood by RE2 and by Python, that a whole image reference must match.

    images: what names begin with up to a `/`; empty for any.
    """
    names = "|".join(re.escape(image.rstrip("/")) for image in images)
    name = f"({names})(/[^:@]+)?" if images else "[^@]+"
    return f"^{name}(:[^/:@]+)?({_DIGEST}){'?' if tags_allowed else ''}$"
