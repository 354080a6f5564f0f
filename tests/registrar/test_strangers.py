"""Which runners without a pod may be removed: those that stand where our pools stand and offer nothing else."""

import pytest

from registrar.forges.forge import Runner
from registrar.strangers import reason_to_keep
from values.scope import GITEA, GITHUB, Scope

ORGANIZATION, REPOSITORY = Scope("mlops"), Scope("mlops/guide")
OURS = {"cml-gpu", "Big"}


def a_runner(*labels: str, groups: tuple[str | None, ...] = (), given: tuple[str, ...] = ()) -> Runner:
    return Runner(
        id=1, name="office", online=True, busy=False, cordoned=False, ephemeral=False, labels=frozenset(labels),
        given_labels=frozenset(given), groups=frozenset(groups),
    )  # fmt: skip


def reason(
    runner: Runner, scope: Scope = ORGANIZATION, groups: tuple[str | None, ...] = ("gpu", None), forge: str = GITHUB
) -> str:
    return reason_to_keep(runner, scope, forge=forge, groups=groups, labels=OURS)


@pytest.mark.parametrize(
    "runner",
    [
        a_runner("cml-gpu"),
        a_runner("CML-GPU", "big"),
        a_runner("cml-gpu", "self-hosted", "Linux", "X64", "ARM", "arm64", "Windows", "macOS"),
        a_runner("cml-gpu", "given", given=("given",)),
        a_runner("cml-gpu", groups=("gpu",)),
        a_runner("cml-gpu", groups=("elsewhere", None)),
    ],
)
def test_whoever_takes_our_pools_jobs_and_nobody_elses_may_go(runner: Runner) -> None:
    assert reason(runner) == ""


def test_who_is_in_another_group_stays_and_the_group_is_named() -> None:
    assert reason(a_runner("cml-gpu", groups=("b", "a"))) == "it is in the runner group a, and no pool of ours is"
    default = reason(a_runner("cml-gpu", groups=(None,)), groups=("gpu",))
    assert default == "it is in the runner group the default one, and no pool of ours is"


def test_who_offers_another_label_stays_and_the_label_is_named() -> None:
    assert reason(a_runner("cml-gpu", "zoo", "Office")) == "it offers office, which no pool of ours does"


def test_who_offers_our_label_in_another_case_stays_at_gitea_which_gives_it_none_of_our_jobs() -> None:
    assert reason(a_runner("CML-GPU", "Linux"), forge=GITEA) == "it offers CML-GPU, which no pool of ours does"
    assert reason(a_runner("cml-gpu", "Linux"), forge=GITEA) == ""


def test_who_offers_nothing_of_ours_stays() -> None:
    assert reason(a_runner()) == "it offers no label of a pool of ours"
    assert reason(a_runner("self-hosted", "linux")) == "it offers no label of a pool of ours"
    assert reason(a_runner("given", given=("given",))) == "it offers no label of a pool of ours"


def test_what_most_runners_have_says_nothing_in_an_organization_and_much_in_a_repository() -> None:
    runner = a_runner("cml-gpu", "linux")
    assert reason(runner, ORGANIZATION) == ""
    assert reason(runner, REPOSITORY) == "it offers linux, which no pool of ours does"


def test_a_label_that_the_forge_gives_is_ours_where_a_pool_declares_it() -> None:
    assert reason(a_runner("big", given=("big",))) == ""
