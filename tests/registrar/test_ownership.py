"""Which runner is whose, whatever annotations claim."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from registrar.forges.forge import Runner
from registrar.ownership import elder_namesake, has_elder_claim, owned_runners
from registrar.pods import RunnerPod
from tests.registrar.test_brake import ended_pod

NAMES = st.sampled_from(["a", "b", "c"])


def pod(
    uid: str, name: str, runner_id: int | None = None, *, created: float = 0.0, namespace: str = "one"
) -> RunnerPod:
    return replace(ended_pod(uid, at=1), name=name, runner_id=runner_id, created=created, namespace=namespace)


def runner(number: int, name: str, *, ephemeral: bool = True) -> Runner:
    return Runner(
        id=number, name=name, online=True, busy=False, cordoned=False, ephemeral=ephemeral, labels=frozenset()
    )  # fmt: skip


def listed(*runners: Runner) -> dict[int, Runner]:
    return {one.id: one for one in runners}


def test_a_claim_to_a_runner_of_another_name_is_nobodys() -> None:
    assert owned_runners([pod("x", "mallory", 1)], listed(runner(1, "victim"))) == {}


def test_of_two_pods_of_one_name_the_elder_has_the_runner_that_both_claim() -> None:
    elder, younger = pod("x", "a", 1, created=1), pod("y", "a", 1, created=2, namespace="two")
    runners = listed(runner(1, "a"))
    assert owned_runners([younger, elder], runners) == {"x": runners[1]}
    assert has_elder_claim(younger, 1, [elder, younger])
    assert not has_elder_claim(elder, 1, [elder, younger])
    assert elder_namesake(younger, [elder, younger]) == elder
    assert elder_namesake(elder, [elder, younger]) is None


def test_a_pod_without_an_annotation_has_the_runner_of_its_name_unless_that_is_somebodys_own() -> None:
    runners = listed(runner(1, "a"), runner(2, "b", ephemeral=False))
    assert owned_runners([pod("x", "a"), pod("y", "b")], runners) == {"x": runners[1]}


@given(
    st.lists(st.tuples(NAMES, st.none() | st.integers(1, 5), st.integers(0, 3)), max_size=6),
    st.lists(st.tuples(NAMES, st.booleans()), max_size=5),
)
def test_no_pod_has_a_runner_of_another_name_and_no_runner_two_pods(
    claims: list[tuple[str, int | None, int]], names: list[tuple[str, bool]]
) -> None:
    pods = [
        pod(f"u{index}", name, number, created=age, namespace=f"n{index}")
        for index, (name, number, age) in enumerate(claims)
    ]
    runners = listed(*(runner(index + 1, name, ephemeral=single) for index, (name, single) in enumerate(names)))
    owned = owned_runners(pods, runners)
    by_uid = {one.uid: one for one in pods}
    assert all(by_uid[uid].name == one.name for uid, one in owned.items())
    assert len({one.id for one in owned.values()}) == len(owned)


def test_a_pod_has_the_runner_that_it_claims_and_not_a_newer_one_of_its_name() -> None:
    runners = listed(runner(1, "a"), runner(2, "a"))
    assert owned_runners([pod("x", "a", 1)], runners) == {"x": runners[1]}
    assert owned_runners([pod("x", "a")], runners) == {"x": runners[2]}


def test_a_pod_whose_claim_is_not_listed_yet_has_no_other_one() -> None:
    assert owned_runners([pod("x", "a", 9)], listed(runner(1, "a"))) == {}
