"""Which runner groups keep other workflows off base runners, and what is said where none does."""

from config.job_groups import restrictions, unrestricted
from config.platform import PlatformConfig
from tests.program.stack_values import loaded, stack_file
from values.scope import Scope

DEPLOY = "mlops/guide/.github/workflows/train.yml@refs/heads/main"


def read(scope: str, **environment: str) -> PlatformConfig:
    values = stack_file("platform") | {"forge": "github"}
    values["platform"]["scope"] = scope
    values["platform"]["environments"][0] |= environment
    values["platform"]["environments"][1]["deployer"] |= {"repository": "mlops/guide"}
    platform = loaded(values, {"FORGE_TOKEN": "hunter2"}).platform
    assert platform is not None
    return platform


def test_in_an_organization_the_group_of_base_runners_is_for_their_workflows_alone() -> None:
    platform = read("https://github.com/mlops", runnerGroup="deployers")
    assert restrictions(platform) == {(Scope("mlops"), "deployers"): {DEPLOY}}
    assert unrestricted(platform) == []


def test_of_a_repository_it_is_said_that_no_group_keeps_others_away() -> None:
    platform = read("https://github.com/mlops/guide")
    assert restrictions(platform) == {}
    (sentence,) = unrestricted(platform)
    assert sentence.startswith("any workflow of mlops/guide that names their labels may run on the base runners of")
