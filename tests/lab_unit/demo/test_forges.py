"""The demo at GitHub: the example's workflow and the stack files fit what the stand-in runs and the demo shows."""

import pytest
import yaml

from lab import example_data, repositories, s3, worlds
from lab.demo.forges import CHOICES, apps, github
from lab.demo.forges.workflow import Clone, queued, runnable
from lab.demo.settings import PLATFORM_STACK, POOLS_STACK
from lab.errors import LabError
from lab.github.workflow import parse

EXAMPLE = (example_data.EXAMPLE / ".github/workflows/train.yml").read_text()
CLONES = {github.INFRA: Clone("http://git/program", "cp a ."), "mlops/guide": Clone("http://git/guide")}


def test_the_example_s_workflow_runs_at_the_stand_in_with_clones_for_checkouts() -> None:
    parsed = parse(1, "train.yml", runnable(EXAMPLE, "mlops/guide", CLONES, {"deploy": "dev"}))
    jobs = {job.key: job for job in parsed.jobs}
    assert list(jobs) == ["deploy", "train", "release"]
    assert jobs["deploy"].steps[0].script == "git clone --quiet --depth 1 http://git/program infra\ncd infra\ncp a .\n"
    assert jobs["train"].steps[0].script == "git clone --quiet --depth 1 http://git/guide .\ncd .\n"
    assert (jobs["deploy"].environment, jobs["train"].environment) == ("dev", "")
    assert [field.name for field in parsed.inputs if field.required] == ["seed"]


def test_all_but_the_checkouts_stays_as_a_user_has_it() -> None:
    before = yaml.safe_load(EXAMPLE)["jobs"]
    after = yaml.safe_load(runnable(EXAMPLE, "mlops/guide", CLONES, {}))["jobs"]
    for key, job in before.items():
        assert {**after[key], "steps": None} == {**job, "steps": None}
        kept = [step for step in job["steps"] if "uses" not in step]
        assert [step for step in after[key]["steps"] if not step["name"].startswith("Clone ")] == kept


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("{uses: actions/cache@v4}", "uses actions/cache@v4"),
        ("{uses: actions/checkout@v5, with: {repository: a/stranger}}", "a/stranger, which the demo does not host"),
    ],
)
def test_a_step_that_cannot_run_there_is_named(step: str, why: str) -> None:
    with pytest.raises(LabError, match=why):
        runnable(f"{{name: x, jobs: {{a: {{steps: [{step}]}}}}}}", "mlops/guide", CLONES, {})


def test_the_two_demos_share_no_namespace() -> None:
    stacks = [choice(0).stacks for choice in CHOICES.values()]
    used = [
        {
            stack.registrar_namespace(),
            *(pool.namespace for pool in stack.pools(PLATFORM_STACK) + stack.pools(POOLS_STACK)),
        }
        for stack in stacks
    ]
    assert [len(namespaces) for namespaces in used] == [3, 3]
    assert len(set.union(*used)) == 6


def test_both_demos_deploy_the_same_gpu_pool() -> None:
    files = [choice(0).stacks.file(POOLS_STACK) for choice in CHOICES.values()]
    pools = [yaml.safe_load(file.read_text())["config"]["gpu-runners:pools"] for file in files]
    assert pools[0] == pools[1]


def test_the_platform_is_what_the_demo_puts_in_place_for_it() -> None:
    config = yaml.safe_load(github.GitHub.stacks.file(PLATFORM_STACK).read_text())["config"]
    assert config["gpu-runners:githubApp"] == {"appId": apps.REGISTRAR.id}
    wiring = {"appId": apps.WIRING.id, "installationId": apps.WIRING.installation}
    assert config["gpu-runners:githubWiringApp"] == wiring
    (repository,) = config["gpu-runners:platform"]["repositories"]
    (environment,) = repository["environments"]
    assert environment["variables"] == {"PULUMI_BACKEND_URL": s3.pulumi_backend(worlds.DEV, github.STATE)}
    assert sorted(repository["secrets"] + environment["secrets"]) == sorted(repositories.SECRETS)


def test_a_run_that_follows_the_queue_has_nobody_who_deploys_or_releases() -> None:
    document = yaml.safe_load(queued(EXAMPLE, 3))
    assert list(document["jobs"]) == ["train", "train-2", "train-3"]
    assert all("needs" not in job and job["runs-on"] == "cml-gpu" for job in document["jobs"].values())
    assert {"on", True} & set(document)
    assert runnable(queued(EXAMPLE, 2), "mlops/guide", {"mlops/guide": CLONES["mlops/guide"]}, {})
