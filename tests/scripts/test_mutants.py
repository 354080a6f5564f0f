"""`make mutants`: which mutants are tried, how a survivor is found again, and what the page says of it."""

import tomllib
from pathlib import Path

import pytest

from scripts.mutants.budget import affordable
from scripts.mutants.copying import configuration
from scripts.mutants.page import REASONS, Survivor, reasons_of, rendered, survivor_of, without_reason
from scripts.mutants.rooms import ROOMS
from scripts.mutants.sample import chosen, is_of_words
from scripts.mutants.trial import Fate, Outcome, Trial, change_of, dumped, loaded, score

ROOT = Path(__file__).resolve().parents[2]


def a_trial(fate: Fate, function: str = "decide", file: str = "registrar/decisions.py") -> Trial:
    return Trial(file=file, function=function, change=("- a < b", "+ a <= b"), fate=fate)


def an_outcome(*trials: Trial) -> Outcome:
    return Outcome(mutants={"registrar/decisions.py": 40}, of_words={"registrar/decisions.py": 4}, trials=trials)


NAMES = {"a.py": [f"a{number}" for number in range(50)], "b.py": ["b0", "b1"]}


def test_the_same_seed_draws_the_same_mutants_and_another_one_others() -> None:
    first = chosen(NAMES, seed=1, of_each=10)
    assert {file: len(names) for file, names in first.items()} == {"a.py": 10, "b.py": 2}
    assert chosen({"a.py": NAMES["a.py"][::-1]}, seed=1, of_each=10)["a.py"] == first["a.py"]
    assert chosen(NAMES, seed=2, of_each=10)["a.py"] != first["a.py"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("- raise E('no such runner')", "+ raise E('NO SUCH RUNNER')"), True),
        (("- log(f'a {b}', x)", "+ log(f'XXa {b}XX', x)"), True),
        (("- kind = 'pods'", "+ kind = 'XXpodsXX'"), False),
        (("- say('a b', 1)", "+ say('a b', 2)"), False),
        (("- say('a b')", "+ say(None)"), False),
        (("- a", "- b", "+ a"), False),
    ],
)
def test_only_a_text_for_people_may_change_unnoticed(change: tuple[str, ...], expected: bool) -> None:
    assert is_of_words(change) is expected


def test_a_change_is_the_lines_that_differ() -> None:
    before = ["def f():", "    a = 1", "    b = 2", "    return a"]
    assert change_of(before, [*before[:2], "    b = 3", before[3]]) == ("- b = 2", "+ b = 3")
    assert change_of(before, before[:3]) == ("- return a",)
    assert change_of(before[:1], before[:1]) == ()
    assert change_of(["x", "x"], ["x"]) == ("- x",)


def test_a_run_is_read_back_as_it_was_written() -> None:
    outcome = an_outcome(*map(a_trial, Fate))
    assert loaded(dumped(outcome)) == outcome


def test_the_score_is_of_the_tests_alone() -> None:
    fates = [Fate.KILLED] * 9 + [Fate.LEFT] + [Fate.REFUSED] * 5 + [Fate.NOT_REACHED] * 5
    assert score(map(a_trial, fates)) == 0.9
    assert score([]) == 1.0


def test_the_quick_tests_come_first_and_one_at_least() -> None:
    durations = [("slow", 9.0), ("a", 1.0), ("b", 2.0)]
    assert affordable(durations, 3.0) == {"a", "b"}
    assert affordable(durations, 0.5) == {"a"}
    assert affordable(durations, 100.0) == {"slow", "a", "b"}
    assert affordable([], 1.0) == set()


def test_a_survivor_without_a_reason_is_asked_for_one_and_its_reason_outlives_the_line_above_it() -> None:
    left = a_trial(Fate.LEFT)
    outcome = an_outcome(left, a_trial(Fate.KILLED, "other"))
    assert without_reason([outcome], {}) == [left]
    assert "no reason yet" in rendered({"registrar": outcome}, {}, seed=1, of_each=5)
    text = """
        [[survivor]]
        file = "registrar/decisions.py"
        function = "decide"
        change = "- a < b + a <= b"
        reason = "they are never equal"
    """
    reasons = reasons_of(text)
    assert reasons == {survivor_of(left): "they are never equal"}
    assert without_reason([outcome], reasons) == []
    page = rendered({"registrar": outcome}, reasons, seed=7, of_each=5)
    assert "they are never equal" in page
    assert "- a < b\n  + a <= b" in page
    assert "seed 7" in page
    assert "40 mutants, 2 tried: 1 killed by tests, 1 left (50.0 %), 0 refused by mypy." in page
    assert "| `registrar/decisions.py` | 40 | 4 | 2 | 1 | 0 | 1 |" in page


def test_a_room_that_was_not_run_is_named() -> None:
    assert rendered({"registrar": an_outcome()}, {}, seed=1, of_each=5).endswith(
        "\nNot run: decisions, review, online, commands.\n"
    )
    assert "Not run" not in rendered(dict.fromkeys(ROOMS, an_outcome()), {}, seed=1, of_each=5)


def test_what_time_did_not_suffice_for_is_said() -> None:
    page = rendered({"registrar": an_outcome(a_trial(Fate.NOT_REACHED))}, {}, seed=1, of_each=5)
    assert "1 not reached in time" in page
    assert "| `registrar/decisions.py` | 40 | 4 | 0 | 0 | 0 | 0 |" in page


def test_a_run_may_be_limited_to_files_and_each_is_for_the_tests_of_its_own_room() -> None:
    files = ["registrar/turns.py", "registrar/brake.py", "registrar/forges/github/pace.py", "access/none.py"]
    narrowed = {name: room.narrowed(files) for name, room in ROOMS.items()}
    assert {name: room.files for name, room in narrowed.items() if room.files} == {
        "decisions": ("registrar/brake.py",),
        "registrar": ("registrar/turns.py", "registrar/forges/github/pace.py"),
    }
    assert narrowed["registrar"].tests == ROOMS["registrar"].tests


@pytest.mark.parametrize("name", ROOMS)
def test_each_room_is_there_and_its_configuration_is_toml(name: str) -> None:
    room = ROOMS[name]
    read = tomllib.loads(configuration(room, ["tests"]))["tool"]["mutmut"]
    assert read["only_mutate"] == list(room.files)
    for pattern in room.files:
        assert list(ROOT.glob(pattern)), pattern
    for path in (*room.tests, *(word.partition("=")[2].partition("::")[0] for word in room.left_out)):
        assert (ROOT / path).exists(), path


def test_each_reason_is_about_a_file_that_is_there() -> None:
    for survivor, reason in reasons_of((ROOT / REASONS).read_text(encoding="utf-8")).items():
        assert isinstance(survivor, Survivor)
        assert (ROOT / survivor.file).is_file(), survivor
        assert len(reason.split()) >= 4, survivor
