"""Of a stack that no workflow previews, a pull request's comment shows what changes in its file."""

import re
from typing import Any

import pytest

from gpu_runners.review.core.comment import Look, PullRequestReview, comment
from gpu_runners.review.core.file_review import file_review
from gpu_runners.review.core.stack_changes import StackFile, stack_changes

LOOK = Look(commit="1a2b3c4", time="2026-11-26 14:20 UTC", run="https://forge.example.com/run/1")
PLATFORM = {"gpu-runners:platform": {"scope": "mlops/guide"}, "gpu-runners:forge": "gitea"}


def pool(name: str = "cuda", replicas: int = 1, count: int = 1, **more: Any) -> dict[str, Any]:
    selector = {"nvidia.com/gpu.product": "NVIDIA-L4"}
    return {"name": name, "replicas": replicas, "gpu": {"count": count, "nodeSelector": selector}, **more}


def file(**config: Any) -> StackFile:
    return StackFile(has_platform=True, text=repr(config), config=PLATFORM | config)


def pools(*listed: dict[str, Any], **more: Any) -> StackFile:
    return file(**{"gpu-runners:pools": list(listed)}, **more)


def fields(before: StackFile, after: StackFile) -> dict[str, tuple[str, str]]:
    return {change.field: (change.before, change.after) for change in file_review("prod", before, after).changes}


def test_a_small_teams_one_stack_gets_a_comment_with_its_changes_and_its_capacity() -> None:
    before, after = pools(pool()), pools(pool(replicas=3), pool("more"))
    changes = stack_changes({"prod": before}, {"prod": after})
    assert changes.withheld == ("prod",)
    review = file_review("prod", before, after)
    text = comment(PullRequestReview(reviews=(review,), look=LOOK, stacks=changes))
    assert "**In all: +3 GPUs**" in text
    assert "**cuda**: 1 → 3 GPUs, +2 × L4" in text
    assert "`pools[cuda].replicas`" in text
    assert "make review STACK=prod" in text
    assert "| 📝 **prod** | 2 to configure<br>+3 GPUs |  |" in text


def test_a_pool_that_follows_the_queue_counts_with_the_most_that_it_may_have() -> None:
    def scaled(most: object) -> StackFile:
        ours = pool(count=2)
        del ours["replicas"]
        return pools(ours | {"autoscaling": {"min": 0, "max": most}})

    (found,) = file_review("prod", scaled(2), scaled(50)).capacity
    assert (found.before, found.after, found.runners_before, found.runners_after) == (4, 100, 2, 50)
    oddities: tuple[object, ...] = (None, "many", -1, [], {})
    for odd in oddities:
        (found,) = file_review("prod", scaled(2), scaled(odd)).capacity
        assert found.after == 0


def test_a_changed_key_is_named_and_a_secret_is_not_shown() -> None:
    before = pools(pool(), **{"gpu-runners:forgeToken": {"secure": "v1:a"}, "gpu-runners:onlineDeadlineSeconds": 60})
    after = pools(pool(), **{"gpu-runners:forgeToken": {"secure": "v1:b"}, "gpu-runners:onlineDeadlineSeconds": 90})
    assert fields(before, after) == {"onlineDeadlineSeconds": ("60", "90")}
    plain = pools(pool(), **{"gpu-runners:forgeToken": "planted-Zq81xv-0123456789"})
    assert "planted" not in repr(file_review("prod", before, plain))


def test_a_new_stack_shows_all_of_its_file() -> None:
    assert {change.field for change in file_review("prod", None, pools(pool())).changes} == {
        "platform", "forge", "pools",
    }  # fmt: skip


@pytest.mark.parametrize(
    "config",
    [
        {"gpu-runners:pools": None},
        {"gpu-runners:pools": "x"},
        {"gpu-runners:pools": [1, None, {}, {"name": 7}, {"name": "x", "replicas": "many", "gpu": 4}]},
        {"gpu-runners:pools": [{"name": "x", "replicas": True, "gpu": {"count": -1, "nodeSelector": []}}]},
        {7: {None: 1.5, True: "a"}, "x": {"y": "<img src=x> | `"}},
    ],
)
def test_whatever_stands_in_a_file_ends_in_a_comment(config: dict[Any, Any]) -> None:
    hostile = StackFile(has_platform=True, text="x", config=config)
    for pair in ((None, hostile), (hostile, pools(pool())), (pools(pool()), hostile)):
        text = comment(PullRequestReview(reviews=(file_review("prod", *pair),), look=LOOK))
        assert "<img" not in re.sub(r"`[^`]*`", "", text), "within code it is no tag"
        assert len(text.encode()) <= 60_000


def test_a_pool_that_goes_frees_all_that_it_had() -> None:
    (found,) = file_review("prod", pools(pool(replicas=3, count=2)), pools()).capacity
    assert (found.before, found.after, found.runners_before, found.runners_after) == (6, 0, 3, 0)
    (found,) = file_review("prod", pools(), pools(pool(replicas=3, count=2))).capacity
    assert (found.before, found.after, found.runners_before, found.runners_after) == (0, 6, 0, 3)
