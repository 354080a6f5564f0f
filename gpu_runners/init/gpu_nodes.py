"""Which GPU nodes the pool gets: what flags say of them is looked for in the cluster, and a person chooses the rest."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from access.cluster.errors import ClusterError
from config.gpu import KEY_KIND, RESOURCE_KIND, VALUE_KIND
from config.kinds import choice
from gpu_runners.errors import UsageWrongError
from gpu_runners.init.cluster import Cluster, look
from gpu_runners.init.core.gpu_kinds import GpuKind, Wanted
from gpu_runners.init.dialogue import Dialogue, Question, one_of
from gpu_runners.output import say
from values.placement import NVIDIA_GPU, PRESETS

_PRESET = one_of(choice(tuple(PRESETS)))


def gpu_kind(environment: Mapping[str, str], folder: Path, context: str, dialogue: Dialogue) -> GpuKind:
    """One of the cluster's kinds that are as the flags say; without one, as flags or a person say.

    Raises UsageWrongError, AbortedError.
    """
    wanted = Wanted(
        _selector(dialogue), dialogue.flag("preset", _PRESET), dialogue.flag("gpu-resource", one_of(RESOURCE_KIND))
    )
    if set(str(dialogue.given("gpus") or "")) == {"0"}:
        return GpuKind(wanted.resource or NVIDIA_GPU)
    try:
        cluster = look(environment, folder, context, wanted)
    except ClusterError as error:
        say(f"no cluster is asked for its GPUs: {error.problem.found}; {error.problem.cure}")
        return _unseen(dialogue, wanted, "no cluster is asked")
    say(f"cluster: {cluster.context} at {cluster.server}")
    kinds = cluster.kinds
    if not kinds:
        why = _none(wanted, cluster)
        say(f"{why}; an autoscaler may bring one, and the doctor says what is missing")
        return _unseen(dialogue, wanted, why)
    if len(kinds) > 1 and not dialogue.may_ask and dialogue.given("gpu-kind") is None:
        numbered = "; ".join(f"{number}. {kind}" for number, kind in enumerate(kinds, 1))
        raise UsageWrongError(
            f"the cluster has {len(kinds)} such kinds of GPU nodes: choose one with --gpu-kind NUMBER: {numbered}"
        )
    kind = kinds[dialogue.choose("gpu-kind", "which of these GPU nodes", kinds)]
    say(f"GPUs: {kind}")
    return kind


def _none(wanted: Wanted, cluster: Cluster) -> str:
    """What is not there, and what is."""
    labels = ", ".join(f"{key}={value}" for key, value in wanted.selector.items())
    resource = wanted.resource or "GPUs under a name that is known here"
    of_preset = f", as the preset {wanted.preset} means them," if wanted.preset else ""
    none = f"no ready node there{f' with {labels}' if labels else ''} offers {resource}{of_preset} now"
    if cluster.beside:
        return f"{none} (there: {'; '.join(map(str, cluster.beside))})"
    if cluster.devices:
        return f"{none} (there: {', '.join(cluster.devices)}; --gpu-resource names one)"
    return none


def _unseen(dialogue: Dialogue, wanted: Wanted, why: str) -> GpuKind:
    number = dialogue.given("gpu-kind")
    if number is not None:
        cure = "leave it out, and name the nodes with --preset or --gpu-resource"
        raise UsageWrongError(f"--gpu-kind: found {number!r}; allowed: one of those that are shown, and {why}; {cure}")
    if wanted.preset or wanted.resource:
        return wanted.unseen()
    if not dialogue.may_ask:
        cure = f"name the nodes with --preset ({', '.join(PRESETS)}) or --gpu-resource; --gpus 0 is a pool without GPUs"
        raise UsageWrongError(f"--preset is missing, and nobody is there to be asked: {why}; {cure}")
    words = f"preset of the GPU nodes, one of {', '.join(PRESETS)}"
    # The default selects no label: it can match whatever nodes come.
    return replace(wanted, preset=dialogue.answer(Question("preset", words, _PRESET), "nvidia-plain")).unseen()


def _selector(dialogue: Dialogue) -> dict[str, str]:
    selector: dict[str, str] = {}
    for pair in dialogue.given("node-selector") or ():
        key, equals, value = pair.partition("=")
        if not (equals and KEY_KIND.check(key) and VALUE_KIND.check(value)):
            raise UsageWrongError(f"--node-selector: found {pair!r}; allowed: KEY=VALUE, {KEY_KIND.cure_for(pair)}")
        if selector.setdefault(key, value) != value:
            raise UsageWrongError(f"--node-selector: found {key} twice; allowed: one value of each label")
    return selector
