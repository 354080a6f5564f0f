"""What somebody asks about: a pool by its name, or a job as the forges write it."""

import pytest

from access.causes.facts import JobFacts
from gpu_runners.declared_pools import DeclaredPool
from gpu_runners.errors import UsageWrongError
from gpu_runners.why.subject import JobName, job_name, named_pools, stack_facts

CUDA, OTHER = DeclaredPool("runners", "cuda", 2), DeclaredPool("research", "cuda", None)


@pytest.mark.parametrize(
    ("text", "job"),
    [
        ("4711", JobName("", "4711")),
        ("mlops/guide/4711", JobName("mlops/guide", "4711")),
        ("https://github.com/mlops/guide/actions/runs/12/job/4711", JobName("mlops/guide", "4711")),
        ("https://github.com/mlops/guide/actions/runs/12/job/4711?pr=7", JobName("mlops/guide", "4711")),
        ("https://github.com/mlops/guide/actions/runs/12/job/4711#step:3:1", JobName("mlops/guide", "4711")),
        ("https://git.example.com/gitea/mlops/guide/actions/runs/12/jobs/4711", JobName("mlops/guide", "4711")),
        ("cuda", None),
        ("runners/cuda", None),
        ("runners/4711", None),
        ("-1", None),
        ("4711 ", None),
        ("٤٧", None),
        ("9" * 20, None),
        ("", None),
    ],
)
def test_a_job_is_a_number_or_its_page(text: str, job: JobName | None) -> None:
    assert job_name(text) == job


@pytest.mark.parametrize(
    "page", ["pull/4711", "actions/runs/12", "actions/runs/12/attempts/2", "actions/runs/12/job/x"]
)
def test_a_page_that_is_no_job_s_is_wrong_usage_and_no_pool(page: str) -> None:
    with pytest.raises(UsageWrongError, match=r"no page of a job; .*copy the address"):
        job_name(f"https://github.com/mlops/guide/{page}")


@pytest.mark.parametrize(
    ("name", "job_id", "is_it"),
    [
        (JobName("", "7"), "7", True),
        (JobName("", "7"), "mlops/guide/7", True),
        (JobName("MLOps/guide", "7"), "mlops/guide/7", True),
        (JobName("mlops/guide", "7"), "7", True),
        (JobName("mlops/other", "7"), "mlops/guide/7", False),
        (JobName("", "7"), "77", False),
    ],
)
def test_a_job_is_found_by_its_number_and_repository(name: JobName, job_id: str, *, is_it: bool) -> None:
    assert name.is_of(JobFacts(id=job_id)) == is_it


def test_a_pool_may_be_named_with_its_namespace() -> None:
    assert named_pools("cuda", [CUDA, OTHER]) == [CUDA, OTHER]
    assert named_pools("research/cuda", [CUDA, OTHER]) == [OTHER]
    assert named_pools("Cuda", [CUDA, OTHER]) == []


def test_what_a_stack_says_of_a_pool() -> None:
    facts = stack_facts("prod", "runners/cuda", [CUDA, OTHER], ("cuda", "amd"))
    assert (facts.in_config, facts.in_state, facts.replicas) == (True, True, 2)
    facts = stack_facts("prod", "amd", [CUDA], ("cuda", "amd"))
    assert (facts.in_config, facts.in_state, facts.replicas, facts.pools) == (True, False, None, ("amd", "cuda"))
    assert stack_facts("prod", "amd", [CUDA], None).in_config, "a config that cannot be read rules nothing out"
