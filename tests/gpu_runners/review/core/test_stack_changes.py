"""Which stacks a pull request brings, takes away or renames, and which it takes away from the review."""

from gpu_runners.review.core.stack_changes import StackChanges, StackFile, stack_changes


def file(text: str, *, has_platform: bool = False) -> StackFile:
    return StackFile(has_platform=has_platform, text=text)


def test_stacks_that_stay_are_previewed_and_nothing_is_said_about_them() -> None:
    changes = stack_changes({"dev": file("a")}, {"dev": file("b")})
    assert changes == StackChanges(previewed=("dev",))
    assert not changes


def test_a_new_and_a_removed_stack_of_other_content_are_two_stacks() -> None:
    changes = stack_changes({"old": file("a")}, {"new": file("b")})
    assert changes == StackChanges(previewed=("new",), brought=("new",), removed=("old",))


def test_a_file_of_another_name_and_the_same_content_is_renamed_once() -> None:
    changes = stack_changes({"a": file("x"), "b": file("x")}, {"c": file("x")})
    assert changes.renamed == (("a", "c"),)
    assert changes.removed == ("b",)
    assert changes.brought == ()


def test_a_stack_does_not_leave_the_review_in_silence_by_becoming_a_platform() -> None:
    changes = stack_changes({"dev": file("a")}, {"dev": file("b", has_platform=True)})
    assert (changes.previewed, changes.withheld) == ((), ("dev",))


def test_a_platform_that_stays_as_it_is_is_not_mentioned() -> None:
    platform = file("a", has_platform=True)
    assert not stack_changes({"platform": platform}, {"platform": platform})


def test_a_stack_that_the_workflows_of_main_do_not_list_is_named() -> None:
    changes = stack_changes({}, {"dev": file("a"), "new": file("b")}).listed(["dev"])
    assert (changes.previewed, changes.unlisted) == (("dev",), ("new",))


def test_who_holds_what_a_platform_needs_withholds_nothing() -> None:
    platform = {"platform": file("a", has_platform=True)}
    changes = stack_changes({}, platform, with_platform=True)
    assert changes.previewed == ("platform",)
    assert changes.withheld == ()
