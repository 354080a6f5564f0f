"""What strikes when follows from the seed alone, and leaves what is to be judged the time that it needs."""

import itertools

import pytest

from lab.faults.catalogue import ORDER
from lab.faults.faults_of_forge import WAYS
from lab.soak import github, schedule
from lab.soak.schedule import CALM_SECONDS, EARLY, TAKING_APART_SECONDS, strikes
from lab.soak.strikes import ACTS, GITHUB, KINDS

SECONDS = 1200.0
SEEDS = range(20)


def test_the_same_seed_gives_the_same_strikes_and_another_one_others() -> None:
    assert strikes(7, SECONDS, KINDS) == strikes(7, SECONDS, KINDS)
    assert strikes(7, SECONDS, KINDS) != strikes(8, SECONDS, KINDS)


def test_the_same_seed_gives_the_same_jobs_and_other_ones_at_the_other_forge() -> None:
    def first(seed: int, side: str) -> list[schedule.JobPlan]:
        return list(itertools.islice(schedule.jobs(seed, side), 50))

    assert first(7, "gitea") == first(7, "gitea") != first(7, "github")
    assert len({job.name for job in first(7, "gitea")}) == 50


@pytest.mark.parametrize("seed", SEEDS)
def test_strikes_come_every_few_seconds_until_the_time_is_over(seed: int) -> None:
    times = [strike.at for strike in strikes(seed, SECONDS, KINDS)]
    assert times == sorted(times)
    assert times[-1] < SECONDS
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 45
    assert len(times) > SECONDS / 15


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_ends_a_registrar_after_the_first_part_of_the_time(seed: int) -> None:
    ends = [strike for strike in strikes(seed, SECONDS, KINDS) if strike.kind.ends_registrar]
    assert ends
    assert all(strike.at <= SECONDS * EARLY for strike in ends)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_forge_answers_for_a_while_between_two_of_its_outages(seed: int) -> None:
    planned = strikes(seed, SECONDS, KINDS)
    for side in ("gitea", "github"):
        outages = [strike for strike in planned if strike.kind.outage and strike.side == side]
        assert len(outages) > 3
        for earlier, later in itertools.pairwise(outages):
            assert later.at - earlier.at - earlier.kind.seconds >= CALM_SECONDS - 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_jobs_are_taken_with_their_runners_a_minute_apart(seed: int) -> None:
    taking = [strike.at for strike in strikes(seed, SECONDS, KINDS) if strike.kind.takes]
    assert taking
    assert all(later - earlier >= TAKING_APART_SECONDS - 0.1 for earlier, later in itertools.pairwise(taking))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_job_is_taken_of_which_the_forge_has_no_word_by_the_end(seed: int) -> None:
    taking = [strike for strike in strikes(seed, SECONDS, KINDS) if strike.kind.takes]
    assert {strike.side for strike in taking} == {"gitea", "github"}
    assert all(strike.at <= SECONDS - 600 for strike in taking if strike.side == "github")
    assert any(strike.at > SECONDS / 2 for strike in taking), "Gitea says it at once"
    assert [it for it in strikes(seed, 300.0, KINDS) if it.kind.takes and it.side == "github"] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_in_the_time_by_default_every_kind_strikes_at_every_place(seed: int) -> None:
    struck = {(strike.kind.name, strike.side) for strike in strikes(seed, SECONDS, KINDS)}
    wanted = {(kind.name, side) for kind in KINDS for side in kind.sides if not kind.takes}
    assert wanted <= struck


def test_every_strike_is_a_fault_of_the_table_by_its_name_there() -> None:
    assert {kind.name for kind in KINDS} <= set(ORDER)


def test_every_outage_is_known_to_the_forge_at_which_it_is_to_happen() -> None:
    for kind in KINDS:
        if kind.outage:
            assert kind.name.removeprefix("forge-") in WAYS
            assert GITHUB not in kind.sides or kind.name in github.OUTAGES


def test_no_two_kinds_have_one_name() -> None:
    assert len(ACTS) == len(KINDS)
