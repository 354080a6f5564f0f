"""A stack as it shall be, and the text of its file, with a comment wherever somebody will ask why. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from gpu_runners.init.core.gpu_kinds import GpuKind
from values.egress import EgressRule
from values.placement import NVIDIA_GPU

SCHEMA: Final = "# yaml-language-server: $schema=schema/stack.schema.json"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./@:+-]*")


@dataclass(frozen=True)
class Image:
    """A reference, by digest wherever one was found, and by tag, too, where it was called by one."""

    reference: str


@dataclass(frozen=True)
class Pool:
    """The GPU pool. gpus 0: runners without; kind is of no meaning then."""

    name: str
    namespace: str
    labels: Sequence[str]
    replicas: int
    image: Image
    cpu: str
    memory: str
    shared_memory: str
    gpus: int
    kind: GpuKind


@dataclass(frozen=True)
class Stack:
    """One stack that holds platform and pool. app_id: of the registrar's GitHub App, None without one. context: of
    the kubeconfig, "" for whichever is the current one.

    forge_egress and registrar_egress are what a network policy has to open, empty where it is open anyway.
    """

    name: str
    forge: str
    scope: str
    registrar_namespace: str
    registrar_image: Image
    runner_image: Image
    pool: Pool
    app_id: int | None = None
    tags_allowed: bool = False
    forge_ca: str = ""
    context: str = ""
    forge_egress: Sequence[EgressRule] = ()
    registrar_egress: Sequence[EgressRule] = ()

    @property
    def secret(self) -> str:
        """The key of the config that holds the registrar's credential, encrypted."""
        return "forgeToken" if self.app_id is None else "githubAppPrivateKey"

    @property
    def quota(self) -> int:
        """The pool's GPUs and those of one runner more."""
        return self.pool.gpus * (self.pool.replicas + 1)


@dataclass(frozen=True)
class Encrypted:
    """What Pulumi has written for this stack: secrets by their key, and the keys beside `config`."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    top: Mapping[str, str] = field(default_factory=dict)


def stack_text(stack: Stack, encrypted: Encrypted | None = None) -> str:
    """The stack's file."""
    return "\n".join((*_head(stack), *_top(stack), *_platform(stack), *_pool(stack.pool), *_tail(encrypted))) + "\n"


def scalar(text: str) -> str:
    """A text as YAML reads it back, in quotes where it would be read as something else."""
    return text if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text else json.dumps(text)


def _head(stack: Stack) -> Iterator[str]:
    yield SCHEMA
    yield f"# GPU runners of {stack.scope}, as `gpu-runners init` wrote it; it is yours to change."
    yield "# Every key with its meaning and default is in Pulumi.yaml, stacks by example are in docs/stacks.md."
    yield f"# After a change: `gpu-runners doctor {stack.name}`, `pulumi up --stack {stack.name}`."
    yield "config:"


def _top(stack: Stack) -> Iterator[str]:
    if stack.context:
        yield "  # The cluster, whichever context is the current one."
        yield f"  kubernetes:context: {scalar(stack.context)}"
    yield f"  gpu-runners:forge: {stack.forge}"
    if stack.app_id is not None:
        yield "  # The App by which the registrar proves itself; no runner's pod ever gets its key."
        yield "  gpu-runners:githubApp:"
        yield f"    appId: {stack.app_id}"
    if stack.forge_ca:
        yield "  gpu-runners:forgeCa: |"
        yield from (f"    {line}" for line in stack.forge_ca.strip().splitlines())
    if stack.forge == "github":
        yield "  # GitHub serves a version of its runner for some weeks only: take the newest from time to time."
    yield f"  gpu-runners:runnerImage: {scalar(stack.runner_image.reference)}"
    if stack.tags_allowed:
        yield "  # An image that changes under its tag is a change that no preview shows: write digests where you can."
        yield "  gpu-runners:allowImageTags: true"


def _platform(stack: Stack) -> Iterator[str]:
    pool = stack.pool
    yield "  gpu-runners:platform:"
    yield "    # Whose jobs the runners take."
    yield f"    scope: {scalar(stack.scope)}"
    yield "    registrar:"
    yield f"      namespace: {scalar(stack.registrar_namespace)}  # holds the forge's credential, and nothing else"
    yield f"      image: {scalar(stack.registrar_image.reference)}"
    yield from _egress(
        stack.registrar_egress, "      ", "the forge, which the registrar alone reaches with its credential"
    )
    yield "    environments:"
    yield f"      - namespace: {scalar(pool.namespace)}"
    yield f"        labels: {_list(pool.labels)}"
    yield "        quota:"
    if pool.gpus:
        granted = stack.quota if pool.kind.resource == NVIDIA_GPU else f"{{{pool.kind.resource}: {stack.quota}}}"
        spare = "the pool's, and those of one runner more: one that finishes its job while its successor starts"
        yield f"          gpus: {granted}  # {spare}"
    else:
        yield "          gpus: 0"
    yield from _egress(stack.forge_egress, "        ", "the forge, which is in none of the internet's networks")


def _pool(pool: Pool) -> Iterator[str]:
    yield "  gpu-runners:pools:"
    yield f"    - name: {scalar(pool.name)}"
    yield f"      namespace: {scalar(pool.namespace)}"
    yield f"      labels: {_list(pool.labels)}  # a job gets a runner that has all the labels of its runs-on"
    yield f"      replicas: {pool.replicas}"
    yield f"      image: {scalar(pool.image.reference)}"
    yield f"      cpu: {json.dumps(pool.cpu)}"
    yield f"      memory: {scalar(pool.memory)}"
    yield f"      sharedMemory: {scalar(pool.shared_memory)}  # /dev/shm, within memory"
    if not pool.gpus:
        return
    kind = pool.kind
    yield "      gpu:"
    if kind.preset:
        yield f"        preset: {kind.preset}"
    yield f"        resource: {scalar(kind.resource)}"
    yield f"        count: {pool.gpus}"
    if kind.selector:
        yield "        nodeSelector:"
        yield from (f"          {scalar(key)}: {json.dumps(value)}" for key, value in kind.selector.items())
    if kind.tolerations:
        yield "        tolerations:"
        yield from (f"          - {_flow(toleration)}" for toleration in kind.tolerations)


def _tail(encrypted: Encrypted | None) -> Iterator[str]:
    if encrypted is None:
        return
    for key, text in encrypted.secrets.items():
        yield f"  gpu-runners:{key}:"
        yield f"    secure: {scalar(text)}"
    yield from (f"{key}: {scalar(text)}" for key, text in encrypted.top.items())


def _egress(rules: Sequence[EgressRule], indent: str, why: str) -> Iterator[str]:
    if rules:
        yield f"{indent}egress:"
        yield f"{indent}  # {why}"
        yield from (f"{indent}  - {_flow(rule)}" for rule in rules)


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(scalar, texts))}]"


def _flow(mapping: Mapping[str, Any]) -> str:
    parts = (f"{key}: {scalar(value) if isinstance(value, str) else value}" for key, value in mapping.items())
    return f"{{{', '.join(parts)}}}"
