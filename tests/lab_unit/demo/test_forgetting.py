from typing import Any

from lab.demo import forgetting

PROVIDER = {"urn": "p", "type": "pulumi:providers:github"}
GROUP = {"urn": "g", "type": "github:index/actionsRunnerGroup:ActionsRunnerGroup"}
REGISTRAR = {
    "urn": "r", "type": "kubernetes:apps/v1:Deployment", "dependencies": ["g", "p"],
    "propertyDependencies": {"spec": ["g", "p"], "metadata": None},
}  # fmt: skip


def stack(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"version": 3, "deployment": {"manifest": {}, "resources": list(resources)}}


def test_what_went_with_the_forge_is_in_no_resource_s_dependencies() -> None:
    registrar = {
        **REGISTRAR, "dependencies": ["p"], "propertyDependencies": {"spec": ["p"], "metadata": []},
    }  # fmt: skip
    assert forgetting.without(stack(PROVIDER, GROUP, REGISTRAR), "github") == stack(PROVIDER, registrar)


def test_a_stack_that_has_nothing_yet_stays_as_it_is() -> None:
    assert forgetting.without({"version": 3, "deployment": {}}, "github")["deployment"]["resources"] == []
