"""Reads which GPUs a pool's pods ask for and which nodes may hold them."""

from typing import Final

from config.fields import Section
from values.kubernetes_syntax import is_extended_resource, is_label_key, is_label_value
from values.placement import CLUSTER_TAINTS, PRESETS, TAINT_EFFECTS, TOLERATION_OPERATORS, GpuPlacement, Toleration

MOST_GPUS_PER_POD: Final = 64


def read_gpu(section: Section) -> GpuPlacement:
    """The section `gpu` of a pool; a preset fills in what it leaves out."""
    section.known("preset", "resource", "count", "nodeSelector", "tolerations")
    name = section.optional_text("preset", lambda text: text in PRESETS, f"one of {', '.join(PRESETS)}")
    preset = PRESETS.get(name or "")
    values = {"resource": preset.resource if preset else None} | dict(section.values)
    own = Section(section.key, values, section.problems)
    selector = own.pairs("nodeSelector", is_label_key, is_label_value, "a Kubernetes label: a key and a text value")
    tolerations = [_read_toleration(item) for item in own.sections("tolerations")]
    return {
        "resource": own.text(
            "resource",
            is_extended_resource,
            "a device plugin's resource, e.g. nvidia.com/gpu, amd.com/gpu or nvidia.com/mig-1g.10gb",
            "name it, or choose a preset",
        ),
        "count": own.integer("count", 1, MOST_GPUS_PER_POD, "a pool without GPUs has no `gpu` at all"),
        "node_selector": {**(preset.node_selector if preset else {}), **selector},
        "tolerations": [*(preset.tolerations if preset else ()), *tolerations],
    }


def _read_toleration(section: Section) -> Toleration:
    section.known("key", "operator", "value", "effect")
    operator = section.text("operator", lambda text: text in TOLERATION_OPERATORS, " or ".join(TOLERATION_OPERATORS))
    toleration: Toleration = {
        "key": section.text(
            "key",
            lambda text: is_label_key(text) and not text.startswith(CLUSTER_TAINTS),
            "the key of a taint that is not Kubernetes' own",
            "name the taint: a toleration without a key accepts every taint, of broken nodes too",
        ),
        "operator": operator,
    }
    if operator == "Equal":
        toleration["value"] = section.text("value", is_label_value, "the value of the taint")
    elif section.has("value"):
        section.note("value", _shown_with_exists(section), "no value with operator Exists", "remove it, or say Equal")
    effect = section.optional_text("effect", lambda text: text in TAINT_EFFECTS, f"one of {', '.join(TAINT_EFFECTS)}")
    if effect is not None:
        toleration["effect"] = effect
    return toleration


def _shown_with_exists(section: Section) -> str:
    return f"{section.values['value']!r} with operator Exists"
