"""By how many a pod was passed: those that the registrar took before it, and nobody else."""

from tests.registrar.visits import Visit, most_passed, passed

FIRST = Visit(asked=1.0, back=1.0, served=20.0)


def others(*served: float) -> list[Visit]:
    return [Visit(asked=2.0, back=2.0, served=moment) for moment in served]


def test_who_came_later_and_was_served_before_it_passed_it() -> None:
    assert passed(FIRST, others(5.0, 19.0, 21.0)) == 2
    assert passed(FIRST, [Visit(asked=0.5, back=0.5, served=5.0)]) == 0, "who came before it has not"
    assert most_passed([FIRST, *others(5.0, 19.0, 21.0)]) == 2


def test_nobody_passes_it_while_it_is_away_by_its_own_choice() -> None:
    assert passed(Visit(asked=1.0, back=10.0, served=20.0), others(5.0, 11.0)) == 1


def test_whoever_is_sent_away_is_passed_meanwhile_and_not_by_its_own_machines_delay() -> None:
    sent_away = Visit(asked=1.0, back=1.0, served=20.0, late=[(8.0, 12.0), (15.0, 15.5)])
    assert passed(sent_away, others(7.0, 9.0, 11.0, 13.0, 15.2, 16.0)) == 3
