"""The version, by Semantic Versioning: what the changelog's newest heading says, and a tag after a `v`."""

from typing import Final

VERSION: Final = "0.1.0"
