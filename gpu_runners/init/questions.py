"""Which questions there are, in the order in which a person can answer them, and what answers them without asking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from access.cluster.errors import ClusterError
from config.fields import Section
from config.kinds import NumberKind, choice, quantity
from config.names import IMAGE_KIND, LABEL_KIND, NAMESPACE_KIND
from config.pools import NAME_KIND
from config.scope import read_scope
from gpu_runners.errors import UsageWrongError
from gpu_runners.init import forge as forges
from gpu_runners.init.cluster import contexts
from gpu_runners.init.core import sizes
from gpu_runners.init.core.stack import Image, Pool, Stack
from gpu_runners.init.dialogue import Dialogue, Question, one_of
from gpu_runners.init.gpu_nodes import gpu_kind
from gpu_runners.init.images import DigestUnknownError, by_digest
from gpu_runners.output import say
from values.egress import EgressRule
from values.quantity import CPU, MEMORY
from values.runner_label import SELF_HOSTED
from values.scope import FORGES, GITEA, GITHUB, parse_scope

RUNNER_OF_GITHUB: Final = "ghcr.io/actions/actions-runner:latest"
GPUS: Final = NumberKind(0, 64, "GPUs")
REPLICAS: Final = NumberKind(1, 1000, "runners")
REQUIRED: Final = ("scope", "image", "registrar-image")


@dataclass(frozen=True)
class Asked:
    """What the questions need beside the person."""

    stack: str
    folder: Path
    environment: Mapping[str, str]
    forge_ca: str = ""


def require_flags(dialogue: Dialogue) -> None:
    """Raises UsageWrongError with every flag that is missing where nobody is there to be asked."""
    missing = [f"--{flag}" for flag in REQUIRED if dialogue.given(flag) is None]
    if missing and not dialogue.may_ask:
        raise UsageWrongError(
            f"{', '.join(missing)}: missing, and nobody is there to be asked; `gpu-runners init --help` tells of each"
        )


def stack(asked: Asked, dialogue: Dialogue) -> Stack:
    """Everything but the credential. Raises UsageWrongError, AbortedError."""
    require_flags(dialogue)
    scope = dialogue.answer(Question("scope", "URL of the repository or organization whose jobs get GPUs", _scope))
    kind = _forge(dialogue, scope, asked.forge_ca)
    say(f"the forge there is {kind}")
    reached = _addresses(dialogue, kind, scope)
    tags: list[str] = []
    context = _context(asked, dialogue)
    pool = _pool(asked, dialogue, tags, context)
    made = Stack(
        name=asked.stack,
        forge=kind,
        scope=scope.rstrip("/").removesuffix(".git"),
        registrar_namespace=dialogue.flag(
            "registrar-namespace", one_of(NAMESPACE_KIND), f"{pool.namespace[:56]}-system"
        ),
        registrar_image=_image(
            dialogue, "registrar-image", "registrar's image, which you built from registrar/Dockerfile", tags
        ),
        runner_image=_image(
            dialogue, "runner-image", "image with the forge's runner", tags, RUNNER_OF_GITHUB if kind == GITHUB else ""
        ),
        pool=pool,
        forge_ca=asked.forge_ca,
        context=context,
        forge_egress=forges.runners_egress(reached, _blocked(asked.folder)),
        registrar_egress=forges.registrar_egress(parse_scope(kind, scope), reached),
        tags_allowed=bool(tags),
    )
    for rule in made.forge_egress:
        say(f"runners are let through to the forge at {rule['cidr']}, which is no address of the internet")
    return made


def _scope(text: str) -> str:
    """As the parser of stack files reads it. Which kind of forge it is is known later, unless it is GitHub's own."""
    try:
        host = (urlsplit(text).hostname or "").lower()
    except ValueError:
        host = ""
    section = Section("", {"scope": text})
    read_scope(section, GITHUB if forges.is_githubs_own(host) else GITEA)
    if section.problems:
        problem = section.problems[0]
        raise ValueError(f"found {problem.found}; allowed: {problem.allowed}; cure: {problem.cure}")
    return text


def _forge(dialogue: Dialogue, scope: str, ca: str) -> str:
    words = "kind of forge that answers there, github or gitea"
    given = dialogue.given("forge")
    if given == GITEA and forges.is_githubs_own(parse_scope(GITEA, scope).host):
        raise UsageWrongError(
            f"--forge: found {GITEA} for {scope}; allowed: {GITHUB} there; cure: leave it out, or name your Gitea"
        )
    kind = given or forges.kind_at(scope, ca)
    if not kind:
        say("it does not say from here which kind of forge it is")
        kind = dialogue.answer(Question("forge", words, one_of(choice(FORGES))))
    try:
        parse_scope(kind, scope)
    except ValueError as error:
        raise UsageWrongError(f"--scope: {error}") from None
    return str(kind)


def _addresses(dialogue: Dialogue, kind: str, scope: str) -> list[EgressRule]:
    forge = parse_scope(kind, scope)
    if dialogue.given("forge-address") is None:
        try:
            return forges.addresses(forge)
        except OSError as error:
            say(f"{forge.host} does not resolve from here ({error.strerror or error})")
    words = f"address of {forge.host}, several with commas; `getent ahosts {forge.host}` tells where it does resolve"
    return forges.addresses_of(forge, dialogue.answer(Question("forge-address", words, _ip_addresses)).split())


def _ip_addresses(text: str) -> str:
    try:
        return " ".join(str(ip_address(part)) for part in text.replace(",", " ").split() or [text])
    except ValueError:
        raise ValueError(f"found {text!r}; allowed: IP addresses; cure: write e.g. 203.0.113.7") from None


def _context(asked: Asked, dialogue: Dialogue) -> str:
    """The context that the stack's file names, "" where there is but one: of several another may be current later."""
    given = dialogue.given("context") or ""
    try:
        names, current = contexts(asked.environment, asked.folder)
    except ClusterError:
        names, current = [], ""
    if given and (not given.isprintable() or (names and given not in names)):
        allowed = f"one of {', '.join(names)}" if names else "a context's name"
        raise UsageWrongError(
            f"--context: found {given!r}; allowed: {allowed}; cure: see `kubectl config get-contexts`"
        )
    if given or len(names) < 2:
        return str(given)
    if not dialogue.may_ask:
        if current not in names:
            raise UsageWrongError(f"--context is missing, and none is current; allowed: one of {', '.join(names)}")
        say(f"of the kubeconfig's {len(names)} contexts the stack's file names the current one, {current}")
        return current
    names.sort(key=lambda name: name != current)
    return names[dialogue.choose("context", "which context of the kubeconfig", names)]


def _pool(asked: Asked, dialogue: Dialogue, tags: list[str], context: str) -> Pool:
    kind = gpu_kind(asked.environment, asked.folder, context, dialogue)
    gpus = dialogue.number("gpus", "GPUs of each runner", GPUS, 1 if kind.gpus or not kind.nodes else 0)
    replicas = dialogue.number("replicas", "runners, each with one job at a time", REPLICAS, 1)
    labels = _labels(dialogue)
    image = _image(dialogue, "image", "image that the jobs run in", tags)
    cpu = dialogue.answer(
        Question("cpu", "cores of each runner", one_of(quantity(CPU))), sizes.cpu(kind.cpu, gpus, kind.gpus)
    )
    memory = dialogue.answer(
        Question("memory", "memory of each runner", one_of(quantity(MEMORY))),
        sizes.memory(kind.memory, gpus, kind.gpus),
    )
    return Pool(
        name=dialogue.flag("pool", one_of(NAME_KIND), "gpu"),
        namespace=dialogue.flag("namespace", one_of(NAMESPACE_KIND), _namespace(asked.stack)),
        labels=labels,
        replicas=replicas,
        image=image,
        cpu=cpu,
        memory=memory,
        shared_memory=sizes.shared_memory(MEMORY.amount(memory)),
        gpus=gpus,
        kind=kind,
    )


def _namespace(stack: str) -> str:
    """The stack's name where it can be a namespace: another stack has others."""
    return stack if NAMESPACE_KIND.check(stack) else "gpu-runners"


def _labels(dialogue: Dialogue) -> list[str]:
    def check(text: str) -> str:
        labels = text.replace(",", " ").split()
        for label in labels:
            one_of(LABEL_KIND)(label)
        return " ".join(dict.fromkeys(labels))

    given = dialogue.given("label")
    if given is not None:
        return [Dialogue({"label": label}).flag("label", one_of(LABEL_KIND)) for label in given]
    words = "labels of these runners, as jobs write them in runs-on"
    return dialogue.answer(Question("label", words, check), f"{SELF_HOSTED} gpu").split()


def _image(dialogue: Dialogue, flag: str, words: str, tags: list[str], default: str = "") -> Image:
    """By its digest; one that keeps its tag, as it was agreed to, is noted in `tags`."""
    kept: list[Image] = []

    def check(text: str) -> str:
        one_of(IMAGE_KIND)(text)
        try:
            kept.append(by_digest(text))
        except DigestUnknownError as error:
            why = f"the digest of {text} is not known: {error}"
            if not (dialogue.given("allow-tags") or dialogue.agrees(f"{why}. Take it by its tag, which may change?")):
                cure = "write NAME@sha256:…, which `docker push` printed, or allow tags with --allow-tags"
                raise ValueError(f"{why}; {cure}") from None
            say(f"{text} is taken by its tag: {error}")
            tags.append(text)
            kept.append(Image(text))
        return text

    dialogue.answer(Question(flag, words, check), default)
    return kept[-1]


def _blocked(folder: Path) -> Sequence[str]:
    """What the program's Pulumi.yaml says is not the internet."""
    schema: dict[str, Any] = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    return list(((schema.get("config") or {}).get("blockedCidrs") or {}).get("default") or ())
