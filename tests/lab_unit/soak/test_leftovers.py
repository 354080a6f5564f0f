"""What nobody has is named; what is declared, kept to be read, or a victim's is not."""

from lab.soak.leftovers import leftovers
from lab.soak.record import Left
from lab.trial.pods import RunnerPod, runner_pod
from values import contract


def pod(name: str, phase: str = "Running") -> RunnerPod:
    metadata = {
        "name": name, "uid": name, "labels": {contract.POOL_LABEL: "gitea"},
        "creationTimestamp": "2026-11-27T00:00:00+00:00",
    }  # fmt: skip
    return runner_pod({"metadata": metadata, "spec": {}, "status": {"phase": phase}})


def left(pods: list[RunnerPod], runners: list[str], victims: tuple[str, ...] = ()) -> Left:
    return leftovers("gitea", pods, runners, victims, declared=2, kept=1)


def test_two_declared_runners_and_their_registrations_are_somebodys() -> None:
    assert left([pod("a"), pod("b", "Pending")], ["a"]) == Left("gitea", (), ())


def test_a_third_one_is_nobodys() -> None:
    assert left([pod("a"), pod("b"), pod("c")], []).pods == ("c",)


def test_one_that_is_done_is_nobodys_and_of_the_failed_ones_those_beyond_the_kept() -> None:
    pods = [pod("a"), pod("b"), pod("done", "Succeeded"), pod("kept", "Failed"), pod("more", "Failed")]
    assert left(pods, []).pods == ("more", "done")


def test_a_registration_without_a_pod_is_nobodys() -> None:
    assert left([pod("a")], ["a", "ghost"]).registrations == ("ghost",)


def test_what_is_there_of_a_victim_waits_for_the_forges_word() -> None:
    pods = [pod("a"), pod("b"), pod("victim", "Failed"), pod("kept", "Failed")]
    assert left(pods, ["victim", "gone"], ("victim", "gone")) == Left("gitea", (), ())
