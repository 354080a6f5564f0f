"""The table of presets says what they select."""

from pathlib import Path

from values.placement import PRESETS, PlacementPreset

STACKS = (Path(__file__).parents[2] / "docs" / "stacks.md").read_text()


def row(name: str, preset: PlacementPreset) -> str:
    labels = ", ".join(f"`{key}: {value}`" for key, value in preset.node_selector.items()) or "none"
    taints = ", ".join(
        f"`{taint['key']}{'=' + taint['value'] if 'value' in taint else ''}:{taint['effect']}`"
        for taint in preset.tolerations
    )
    set_by = preset.set_by or "nobody"
    return f"| `{name}` | {preset.nodes} | `{preset.resource}` | {labels} | {set_by} | {taints} |"


def test_every_preset_is_documented_with_what_it_selects_and_who_sets_that() -> None:
    lines = STACKS.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| preset |"))
    rows = lines[start + 2 : start + 2 + len(PRESETS)]
    assert rows == [row(name, preset) for name, preset in PRESETS.items()]
    assert lines[start + 2 + len(PRESETS)] == ""


def test_a_preset_that_selects_labels_says_who_sets_them_and_no_other_does() -> None:
    assert [name for name, preset in PRESETS.items() if bool(preset.node_selector) != bool(preset.set_by)] == []
