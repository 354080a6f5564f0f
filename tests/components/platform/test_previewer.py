"""What a pull request's code may do to the cluster as the previewer: look, but never at a Secret."""

from components.platform.previewer import Previewer, previewer_rules, roster_rules
from components.pools.runner_pod import pod_template
from tests.components.pools.test_runner_deployment import pool
from tests.program.recorded import Program, run
from values.accounts import PREVIEWER, RUNNER


def previewer() -> Program:
    return run(
        lambda: Previewer(
            "base-previewer",
            {
                "namespace": "base",
                "deployments": [{"namespace": "dev", "stack": "dev"}, {"namespace": "dev", "stack": "other"}],
                "registrar_namespace": "system",
            },
        )
    )


def test_a_previewer_can_write_nothing() -> None:
    verbs = {verb for rule in [*previewer_rules(), *roster_rules()] for verb in rule["verbs"]}
    assert verbs == {"get", "list", "watch"}


def test_a_previewer_can_read_no_secret() -> None:
    core = {resource for rule in previewer_rules() if "" in rule["api_groups"] for resource in rule["resources"]}
    assert "secrets" not in core
    assert "*" not in core


def test_a_previewer_reaches_the_registrars_list_and_cannot_ask_for_a_registration() -> None:
    (rule,) = roster_rules()
    assert (rule["resources"], rule["resource_names"]) == (["services/proxy"], ["https:registrar:8444"])
    assert rule["verbs"] == ["get"]


def test_a_namespace_of_two_stacks_is_granted_once() -> None:
    places = sorted(str(binding.namespace) for binding in previewer().of("RoleBinding"))
    assert places == ["dev", "system"]


def test_a_pool_with_the_previewers_identity_has_no_right_and_a_way_to_ask_for_it() -> None:
    spec = pod_template(pool(identity=PREVIEWER))["spec"]
    assert spec["service_account_name"] == RUNNER
    assert "job-credential" in [volume["name"] for volume in spec["volumes"]]
