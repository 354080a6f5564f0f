"""What `make unit` runs, for the environments beside the lab's that run it too."""

import os
from typing import Final

PYTEST: Final = (
    "-m",
    "pytest",
    "-q",
    "-m",
    "not lab and not long",
    "-n",
    str(2 * (os.cpu_count() or 1)),  # they wait half of the time
    "--dist",
    "loadscope",
    "-p",
    "no:cacheprovider",
)
