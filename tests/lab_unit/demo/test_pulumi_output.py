import pytest

from lab.demo import pulumi_output


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (
            " +  kubernetes:core/v1:Namespace gpu-runners-dev created (0.03s) \n",
            "Namespace gpu-runners-dev created (0.03 s)",
        ),
        (" ~  kubernetes:apps/v1:Deployment cuda updated (0.10s) [diff: ~spec]", "Deployment cuda updated (0.10 s)"),
        (" -  kubernetes:core/v1:Secret token-1 deleted (0.01s)", "Secret token-1 deleted (0.01 s)"),
        (" +  gpu-runners:index:RunnerDeployment cuda created", "RunnerDeployment cuda created"),
        ("    pulumi:pulumi:Stack gpu-runners-dev  cuda: 1 of 2 online, 1 starting", "cuda: 1 of 2 online, 1 starting"),
    ],
)
def test_what_changed_is_told(line: str, text: str) -> None:
    assert pulumi_output.timeline_text(line) == text


@pytest.mark.parametrize(
    "line", ["@ Updating....", " +  kubernetes:core/v1:Namespace x creating (0s)", "Resources:", "    + 3 created", ""]
)
def test_the_rest_is_not(line: str) -> None:
    assert pulumi_output.timeline_text(line) is None
