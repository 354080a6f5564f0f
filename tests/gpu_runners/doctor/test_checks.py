"""What the doctor says of a stack by its file alone."""

from gpu_runners.doctor.checks import base_runners
from gpu_runners.doctor.core.findings import State
from tests.program.stack_values import loaded, stack_file


def test_it_is_said_that_any_workflow_gets_to_base_runners_where_there_are_no_runner_groups() -> None:
    platform = loaded(stack_file("platform"), {"FORGE_TOKEN": "hunter2"}).platform
    assert platform is not None
    (finding,) = base_runners(platform)
    assert finding.state is State.OK
    assert finding.found == (
        "any workflow of mlops/guide that names their labels may run on the base runners of gpu-runners-base, as there"
        " are no runner groups; rights in the cluster get .github/workflows/train.yml@refs/heads/main alone"
    )
