"""What `make unit` runs, for the environments beside the lab's that run it too."""

from typing import Final

PYTEST: Final = (
    "-m",
    "pytest",
    "-q",
    "-m",
    "not lab and not long",
    "-n",
    "auto",
    "--dist",
    "loadscope",
    "-p",
    "no:cacheprovider",
)
