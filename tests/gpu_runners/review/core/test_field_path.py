"""Paths of both notations lead to the same fields."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gpu_runners.review.core.differing import differences, without_common
from gpu_runners.review.core.field_path import MISSING, Item, concrete, look_up, named, overlaps, parse, show
from gpu_runners.review.core.ownership import claims, owner

POD = {"containers": [{"name": "a"}, {"name": "runner", "env": [{"name": "HOME", "value": "/"}]}]}
HOME = ("containers", Item((("name", "runner"),)), "env", Item((("name", "HOME"),)), "value")


def test_pulumis_notation_is_read_with_indices_and_quotes() -> None:
    assert parse('spec.containers[0].limits["nvidia.com/gpu"]') == (
        "spec", "containers", 0, "limits", "nvidia.com/gpu",
    )  # fmt: skip


def test_an_element_is_found_by_its_name_wherever_it_is() -> None:
    assert look_up(POD, HOME) == "/"
    assert concrete(POD, HOME) == ("containers", 1, "env", 0, "value")
    assert show(HOME) == "containers[runner].env[HOME].value"


def test_what_is_not_there_is_missing_and_null_is_not() -> None:
    assert look_up({"a": None}, ("a",)) is None
    assert look_up({"a": None}, ("b",)) is MISSING
    assert look_up(POD, ("containers", 7)) is MISSING
    assert look_up(POD, ()) == POD


def test_a_port_without_a_protocol_is_a_tcp_port() -> None:
    port = Item((("containerPort", 80), ("protocol", "TCP")))
    assert look_up({"ports": [{"containerPort": 80}]}, ("ports", port)) == {"containerPort": 80}


def test_paths_overlap_when_one_leads_through_the_other() -> None:
    assert overlaps(("a",), ("a", "b"))
    assert not overlaps(("a", "c"), ("a", "b"))


KEYS = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_equal_values_differ_nowhere_and_others_somewhere(one: object, other: object) -> None:
    assert list(differences(one, one)) == []
    assert bool(list(differences(one, other))) == (one != other)


@given(VALUES, VALUES)
def test_each_difference_is_what_both_sides_have_at_its_path(one: object, other: object) -> None:
    for path, before, after in differences({"x": one}, {"x": other}):
        assert look_up({"x": one}, path) == before or before is MISSING
        assert look_up({"x": other}, path) == after or after is MISSING


def owned(fields: dict[str, object], manager: str = "kubectl", time: str = "2026-01-01T00:00:00Z") -> dict[str, object]:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields}


def test_an_added_element_is_one_claim_and_an_edited_field_of_it_another() -> None:
    key = json.dumps({"name": "runner"})
    whole = {"metadata": {"managedFields": [owned({"f:c": {f"k:{key}": {".": {}, "f:image": {}}}})]}}
    part = {"metadata": {"managedFields": [owned({"f:c": {f"k:{key}": {"f:image": {}}}})]}}
    assert [show(claim.path) for claim in claims(whole)] == ["c[runner]"]
    assert [show(claim.path) for claim in claims(part)] == ["c[runner].image"]


def test_a_field_belongs_to_who_wrote_it_last_beside_pulumi() -> None:
    live = {
        "metadata": {
            "managedFields": [
                owned({"f:a": {}}, "pulumi-kubernetes-1", "2026-01-03T00:00:00Z"),
                owned({"f:a": {}}, "early"),
                owned({"f:a": {}}, "late", "2026-01-02T00:00:00Z"),
            ]
        }
    }
    found = owner(live, ("a",), exists=True)
    assert found is not None
    assert found.manager == "late"


def test_nobody_is_blamed_for_a_field_that_is_gone() -> None:
    live = {"metadata": {"managedFields": [owned({"f:a": {"f:c": {}}})]}}
    assert owner(live, ("a", "b"), exists=False) is None


def test_elements_that_have_names_are_shown_by_them_and_others_by_their_place() -> None:
    tree = {"containers": [{"name": "a", "args": ["x", "y"]}], "name": "pod", "ports": [{"name": 7}]}
    assert show(named(tree, ("containers", 0, "args", 1))) == "containers[a].args[1]"
    assert show(named(tree, ("ports", 0))) == "ports[0]", "a number is no name"
    assert show(named(tree, ("containers", 4, "env"))) == "containers[4].env", "what is not there has none"


def test_an_element_that_only_one_side_has_is_missing_on_the_other() -> None:
    before, after = [{"name": "a", "value": 1}], [{"name": "a", "value": 1}, {"name": "b", "value": 2}]
    b = Item((("name", "b"),))
    assert list(differences(before, after)) == [((b,), MISSING, {"name": "b", "value": 2})]
    assert list(differences(after, before)) == [((b,), {"name": "b", "value": 2}, MISSING)]


def test_of_two_lists_only_what_the_other_lacks_is_shown() -> None:
    assert without_common([1, 2], [2, 3]) == ([1], [3])
    assert without_common([1, 2], [2]) == ([1], MISSING)
    assert without_common([1, 2], [2, 1]) == ([1, 2], [2, 1]), "another order"
    assert without_common(1, [1]) == (1, [1])
