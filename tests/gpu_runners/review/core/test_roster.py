"""A review reads the runners of its own scopes, and a broken scope is said by those whom it concerns alone."""

from typing import Any

import pytest

from gpu_runners.review.core.roster import MalformedRosterError, Roster


def scope(path: str, *namespaces: str, problem: str = "") -> dict[str, Any]:
    return {"scope": path, "namespaces": list(namespaces), "problem": problem}


LISTED = {
    "runners": [{"scope": "mlops/ours", "name": "a"}, {"scope": "mlops/theirs", "name": "b"}],
    "scopes": [
        scope("mlops/ours", "gpu-dev", "gpu-prod"),
        scope("mlops/theirs", "elsewhere"),
        scope("mlops/broken", "broken", problem="list: the forge answers 500"),
    ],
}


def names(roster: Roster) -> list[str]:
    return [runner["name"] for runner in roster.runners]


def test_a_stack_sees_the_runners_of_its_own_scopes() -> None:
    roster = Roster.of(LISTED, ["gpu-dev"])
    assert (names(roster), roster.unread) == (["a"], ())


def test_a_broken_scope_is_said_by_whom_it_concerns() -> None:
    roster = Roster.of(LISTED, ["gpu-dev", "broken"])
    assert (names(roster), roster.unread) == (["a"], ("mlops/broken: list: the forge answers 500",))


def test_the_instance_has_no_path_and_still_a_name() -> None:
    listed = {"runners": [], "scopes": [scope("", "gpu", problem="away")]}
    assert Roster.of(listed, ["gpu"]).unread == ("the forge: away",)


def test_a_registrar_of_an_older_version_names_no_scopes() -> None:
    assert names(Roster.of({"runners": LISTED["runners"]}, ["gpu-dev"])) == ["a", "b"]


@pytest.mark.parametrize("listed", [{}, {"runners": None}, {"runners": ["x"]}, {"runners": [], "scopes": {}}], ids=str)
def test_what_is_no_list_of_runners_is_said_to_be_none(listed: dict[str, Any]) -> None:
    with pytest.raises(MalformedRosterError, match="no list of"):
        Roster.of(listed, ["gpu-dev"])
