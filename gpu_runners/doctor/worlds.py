"""Looks at the other stacks that this process reaches: in its backend, in another that is named, beside its stack file.

States are read as data: no secret is opened and no command acts on them.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from access.yaml_document import YamlUnreadableError, mapping, read_mapping
from gpu_runners.doctor.core.findings import Finding, ok, unknown
from gpu_runners.doctor.core.worlds import CHECK, CURE, OtherStack, worlds
from gpu_runners.doctor.passphrase import opens
from gpu_runners.pulumi_command import Program, PulumiFailedError, opened, resources_of

_CREDENTIAL: Final = "gpu-runners:index:ForgeCredential"
_PLATFORM_KEY: Final = "gpu-runners:platform"
# How backends word that a credential does not reach them: S3 and what speaks it, a folder, PostgreSQL.
_REFUSALS: Final = ("AccessDenied", "Forbidden", "permission denied", "StatusCode: 403", "authentication failed")


def worlds_of(
    folder: Path, stack: str, config_file: Path | None, *, has_platform: bool, platform_backend: str = ""
) -> Iterator[Finding]:
    """The verdict on every stack that is found, and what could not be looked at."""
    found: dict[str, OtherStack] = {other.name: other for other in _of_files(folder, stack)}
    with opened(folder, stack, config_file) as program:
        try:
            found |= {other.name: other for other in _of_backend(program, found)}
        except PulumiFailedError as error:
            yield unknown(CHECK, f"the backend's other stacks cannot be read: {_line(error)}", CURE)
        if platform_backend:
            there = replace(program, variables={"PULUMI_BACKEND_URL": platform_backend})
            try:
                found |= {other.name: other for other in _of_backend(there, found, listed=True)}
            except PulumiFailedError as error:
                yield _refused(error)
    verdict = partial(opens, _passphrase(os.environ))
    yield from worlds(stack, has_platform=has_platform, others=found.values(), opens=verdict)


def _of_files(folder: Path, stack: str) -> Iterator[OtherStack]:
    for file in sorted(folder.glob("Pulumi.*.yaml")):
        name = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        document = _yaml(file)
        if name != stack and document:
            has_platform = _PLATFORM_KEY in mapping(document, "config")
            salt = str(document.get("encryptionsalt") or "")
            yield OtherStack(name=name, has_platform=has_platform, salt=salt, is_in_reach=False)


def _of_backend(program: Program, known: Mapping[str, OtherStack], *, listed: bool = False) -> Iterator[OtherStack]:
    """`listed`: this stack's name is another's there."""
    names = program.other_stacks() if not listed else replace(program, stack="").other_stacks()
    for name in names:
        deployment = program.deployment_of(name)
        provider = mapping(deployment, "secrets_providers")
        if provider.get("type") == "service":
            continue  # Pulumi Cloud gives rights and keys for each stack
        resources = resources_of(deployment)
        file = known.get(name) or OtherStack(name=name, has_platform=False, salt="", is_in_reach=True)
        salt = str(mapping(provider, "state").get("salt") or file.salt)
        has_platform = file.has_platform or any(resource.get("type") == _CREDENTIAL for resource in resources)
        yield OtherStack(name=name, has_platform=has_platform, salt=salt, is_in_reach=True)


def _refused(error: PulumiFailedError) -> Finding:
    if any(refusal in str(error) for refusal in _REFUSALS):
        return ok(CHECK, "the platform's backend refuses this stack's credentials")
    return unknown(
        CHECK, f"the platform's backend: {_line(error)}", "correct the URL, or ask from where it can be reached"
    )


def _passphrase(environment: Mapping[str, str]) -> str:
    file = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if "PULUMI_CONFIG_PASSPHRASE" in environment or not file:
        return environment.get("PULUMI_CONFIG_PASSPHRASE", "")
    try:
        return Path(file).read_text().strip()
    except OSError:
        return ""


def _yaml(file: Path) -> dict[str, Any]:
    """A stack file; empty for one that cannot be read, which Pulumi says where it is that stack's turn."""
    try:
        return read_mapping(file.read_text())
    except (OSError, UnicodeDecodeError, YamlUnreadableError):
        return {}


def _line(error: PulumiFailedError) -> str:
    return " ".join(str(error).split())[:300]
