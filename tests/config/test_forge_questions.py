"""What is to be asked of a forge is one value, which `pulumi up` and the doctor share."""

from config.forge_questions import forge_questions
from tests.program.stack_values import Values, loaded, stack_file, without_deployers
from values.forge_questions import ForgeQuestions
from values.scope import Scope
from values.wiring import GroupWiring


def asked(values: Values) -> ForgeQuestions | None:
    return forge_questions(loaded(values, {"FORGE_TOKEN": "hunter2", "GPU_RUNNERS_SECRET_KEY": "hush"}))


def at_github() -> Values:
    values = without_deployers(stack_file("platform")) | {"forge": "github"}
    values["platform"]["scope"] = "https://github.com/mlops/guide"
    values["platform"]["environments"][0] |= {"scope": "https://github.com/mlops", "runnerGroup": "gpus"}
    return values


def test_a_stack_without_a_platform_has_nothing_to_ask() -> None:
    assert asked(stack_file("dev")) is None


def test_every_scope_is_asked_about_at_once_with_its_group() -> None:
    questions = asked(at_github())
    assert questions is not None
    assert questions.registrar.scopes == ((Scope("mlops"), "gpus"), (Scope("mlops/guide"), None))
    assert questions.registrar.credential.token == "hunter2"
    assert questions.wiring is None


def test_what_is_declared_is_asked_about_and_its_groups_need_not_be_there() -> None:
    values = at_github()
    workflow = "mlops/guide/.github/workflows/train.yml@refs/heads/main"
    group = {"name": "gpus", "repositories": ["mlops/guide"], "workflows": [workflow]}
    repository = {"name": "mlops/guide", "variables": {"STATE": "s3://state"}, "secrets": ["KEY"]}
    values["platform"] |= {"runnerGroups": [group], "repositories": [repository]}
    questions = asked(values)
    assert questions is not None
    assert questions.wiring is not None
    assert questions.registrar.declared_groups == {("mlops", "gpus")}
    values["platform"]["runnerGroups"] = [{"name": "gpus", "repositories": ["MLOps/guide"], "workflows": [workflow]}]
    values["platform"]["repositories"] = []
    again = asked(values)
    assert again is not None
    assert again.registrar.declared_groups == {("mlops", "gpus")}
    assert questions.wiring.groups == (GroupWiring("mlops", "gpus", (Scope("mlops/guide"),), (workflow,)),)
    assert [wiring.path for wiring in questions.wiring.repositories] == ["mlops/guide"]
    assert "hunter2" not in repr(questions)
    assert "hush" not in repr(questions)
