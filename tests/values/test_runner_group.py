"""Which of an organization's runner groups a grant means."""

import pytest

from values.runner_group import is_meant


@pytest.mark.parametrize(
    ("wanted", "name", "is_default", "meant"),
    [
        (None, "Default", True, True),
        (None, "gpu", False, False),
        ("Default", "Default", True, True),
        ("gpu", "gpu", False, True),
        ("gpu", "GPU", False, False),
        ("gpu", "Default", True, False),
        ("", "Default", True, False),
    ],
)
def test_a_group_is_meant_by_its_name_and_the_default_one_by_none(
    wanted: str | None, name: str, is_default: bool, meant: bool
) -> None:
    assert is_meant(wanted, name=name, is_default=is_default) is meant
