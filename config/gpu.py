"""Reads which GPUs a pool's pods ask for and which nodes may hold them."""

from dataclasses import replace
from typing import Final

from config.fields import Section
from config.kinds import NumberKind, TextKind, choice, text_kind
from values.kubernetes_syntax import is_extended_resource, is_label_key, is_label_value
from values.placement import (
    KNOWN_RESOURCES,
    PRESETS,
    TAINT_EFFECTS,
    TOLERATION_OPERATORS,
    GpuPlacement,
    Toleration,
    is_passing_taint,
)
from values.problem import quoted
from values.visible_text import visible

LABELS: Final = "copy it from `kubectl get nodes --show-labels`"

COUNT_KIND: Final = NumberKind(1, 64, "GPUs", "a pool without GPUs has no `gpu` at all")
RESOURCE_KIND: Final = TextKind(
    lambda text: is_extended_resource(text) and not _miswritten(text),
    "a device plugin's resource, e.g. nvidia.com/gpu, amd.com/gpu or nvidia.com/mig-1g.10gb",
    lambda text: (
        f"write {_miswritten(text)}"
        if _miswritten(text)
        else "write the name that `kubectl describe node` lists under Allocatable, e.g. nvidia.com/gpu"
    ),
    {"pattern": "^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"},
)
PLACED_RESOURCE_KIND: Final = replace(
    RESOURCE_KIND, cure=lambda text: RESOURCE_KIND.cure(text) if text else "name it, or choose a preset"
)
KEY_KIND: Final = text_kind(is_label_key, "the key of a Kubernetes label, e.g. nvidia.com/gpu.product", LABELS)
VALUE_KIND: Final = text_kind(
    is_label_value, "the value of a Kubernetes label: at most 63 letters, digits, '-', '_' and '.'", LABELS
)
TAINT_KIND: Final = text_kind(
    lambda text: is_label_key(text) and not is_passing_taint(text),
    "the key of a taint that is not Kubernetes' own and does not come and go with a node's state",
    "name one that your GPU nodes always have: a toleration without a key accepts every taint, of broken nodes too",
)
TAINT_VALUE_KIND: Final = replace(
    VALUE_KIND, allowed="the value of the taint", cure=lambda _: "`kubectl describe node` shows it behind the taint's ="
)


def read_gpu(section: Section) -> GpuPlacement:
    """The section `gpu` of a pool; a preset fills in what it leaves out."""
    section.known("preset", "resource", "count", "nodeSelector", "tolerations")
    preset = PRESETS.get(section.optional_text("preset", choice(tuple(PRESETS))) or "")
    is_preset_odd = "preset" in section.values and preset is None
    own = replace(section, fallbacks={"resource": preset.resource} if preset else {})
    selector = own.pairs("nodeSelector", KEY_KIND, VALUE_KIND)
    tolerations = [_read_toleration(item) for item in own.sections("tolerations")]
    # Of a preset that is none it was said already.
    resource = "" if is_preset_odd and not own.has("resource") else own.text("resource", PLACED_RESOURCE_KIND)
    if preset and resource and vendor(resource) != vendor(preset.resource):
        cure = f"leave preset out, or name a resource of {vendor(preset.resource)}"
        section.note("resource", resource, f"one of the preset's vendor, {vendor(preset.resource)}", cure)
    return {
        "resource": resource,
        "count": own.integer("count", COUNT_KIND),
        "node_selector": {**(preset.node_selector if preset else {}), **selector},
        "tolerations": [*(preset.tolerations if preset else ()), *tolerations],
    }


def _miswritten(resource: str) -> str:
    """The resource that every node calls otherwise: no plugin has one that differs from it in case alone."""
    known = {name.lower(): name for name in KNOWN_RESOURCES}.get(visible(resource).lower(), resource)
    return "" if known == resource else known


def vendor(resource: str) -> str:
    """The domain of a resource's name."""
    return resource.partition("/")[0]


def _read_toleration(section: Section) -> Toleration:
    section.known("key", "operator", "value", "effect")
    operator = section.text("operator", choice(TOLERATION_OPERATORS))
    toleration: Toleration = {"key": section.text("key", TAINT_KIND), "operator": operator}
    if operator == "Equal":
        with_value = replace(section, fallbacks={"value": None})  # required with this operator alone
        toleration["value"] = with_value.text("value", TAINT_VALUE_KIND)
    elif section.has("value"):
        found = f"{quoted(section.value('value'))} with operator Exists"
        section.note("value", found, "no value with operator Exists", "remove it, or say Equal")
    effect = section.optional_text("effect", choice(TAINT_EFFECTS))
    if effect is not None:
        toleration["effect"] = effect
    return toleration
