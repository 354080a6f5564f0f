"""Whether the Pulumi on PATH is one that this program was tried with."""

import re
from collections.abc import Iterator
from typing import Final

from gpu_runners.doctor.core.findings import Finding, unknown
from gpu_runners.pulumi_command import Program

OLDEST: Final = (3, 259)
_NUMBER: Final = re.compile(r"v?([0-9]{1,6})\.([0-9]{1,6})\.", re.ASCII)


def pulumi_version(program: Program) -> Iterator[Finding]:
    """Nothing of one that is new enough, or that tells no version. Raises PulumiFailedError."""
    output = program.run("version", on_stack=False).output.strip()
    number = _NUMBER.match(output)
    if number and (int(number[1]), int(number[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        cure = f"install {oldest} or newer: https://www.pulumi.com/docs/install/"
        yield unknown("pulumi", f"it is {output.splitlines()[0][:40]}, and none before {oldest} was tried", cure)
