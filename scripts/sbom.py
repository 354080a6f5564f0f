"""The bill of materials of the registrar's image, as CycloneDX JSON on standard output.

    python -m scripts.sbom [BASE_IMAGE]

It names every Python package that the image's build installs on Linux, with version and the hashes that were allowed,
and the base image where one is named by digest. What the base image itself holds is in the base image's own bill.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts.locks import Locked, read

DEADLINE_SECONDS = 120
NAME = "gpu-runners-registrar"
IMAGE = {"sys_platform": "linux", "platform_system": "Linux", "implementation_name": "cpython"}


def bill(base_image: str | None) -> dict[str, Any]:
    """The same one for the same packages and base. Raises ValueError where it is not valid."""
    bases = [_base(base_image)] if base_image else []
    packages = "".join(_line(package) for package in read("registrar") if package.is_for(IMAGE))
    made = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", "--spec-version", "1.6", "-"],
        input=packages, capture_output=True, text=True, check=True, timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    document: dict[str, Any] = json.loads(made.stdout)
    for component in document["components"]:
        del component["description"]  # the line of the lock, hashes and all, which are named apart
    document["metadata"]["component"] = {"type": "container", "name": NAME, "bom-ref": NAME}
    document["components"] += bases
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)):
        raise ValueError(f"the bill is not valid: {problem}")
    return document


def _line(package: Locked) -> str:
    hashes = " ".join(f"--hash={each}" for each in package.hashes)
    return f"{package.requirement.name}=={package.version} {hashes}\n"


def _base(image: str) -> dict[str, Any]:
    name, _, digest = image.partition("@sha256:")
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise ValueError(
            f"base image: found {image!r}; allowed: NAME@sha256:DIGEST; cure: ask the registry for its digest"
        )
    hashes = [{"alg": "SHA-256", "content": digest}]
    return {"type": "container", "bom-ref": "base-image", "name": name, "version": f"sha256:{digest}", "hashes": hashes}


def main(arguments: Sequence[str]) -> int:
    """Prints it."""
    try:
        document = bill(arguments[0] if arguments and arguments[0] else None)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(document, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
