"""Which of an organization's runner groups a grant means."""

import pytest

from values.runner_group import group_named, group_names

GROUPS = [{"id": 1, "name": "Default", "default": True}, {"id": 2, "name": "gpu", "default": False}]


@pytest.mark.parametrize(("name", "number"), [(None, 1), ("Default", 1), ("gpu", 2)])
def test_a_group_is_found_by_name_and_the_default_one_without(name: str | None, number: int) -> None:
    group = group_named(GROUPS, name)
    assert group is not None
    assert group["id"] == number


@pytest.mark.parametrize("name", ["gpus", "GPU", ""])
def test_no_other_group_stands_in_for_one_that_is_not_there(name: str) -> None:
    assert group_named(GROUPS, name) is None


def test_the_names_of_all_groups_are_what_is_allowed() -> None:
    assert group_names(GROUPS) == "Default, gpu"
