"""The Pythons that this program is tested on, and the refusal of others; it must start on any Python there is."""

import sys

OLDEST = (3, 11)
NEWEST = (3, 14)


def refusal(version, program):
    # type: (tuple[int, int], str) -> str | None
    """Why a Python of this version cannot be used, with the cure; None where it can."""
    if OLDEST <= version <= NEWEST:
        return None
    template = (
        "error: {}: found Python {}.{}; allowed: {}.{} to {}.{}, on which the tests are run; cure: install one of "
        "those, then `make PYTHON=python{}.{} ...`"
    )
    return template.format(program, *(version + OLDEST + NEWEST + NEWEST))


if __name__ == "__main__":
    refused = refusal(sys.version_info[:2], sys.executable)
    sys.exit(refused)
