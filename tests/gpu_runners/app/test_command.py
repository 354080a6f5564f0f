"""The flags of `gpu-runners app`."""

import argparse

import pytest

from gpu_runners.app.command import github


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("https://github.com/", "https://github.com"),
        ("https://github.example.com", "https://github.example.com"),
        ("http://127.0.0.1:3100", "http://127.0.0.1:3100"),
    ],
)
def test_a_github_is_named_by_its_root(text: str, root: str) -> None:
    assert github(text) == root


@pytest.mark.parametrize(
    "text",
    [
        "http://github.com",
        "https://u:hunter2@github.com",
        "https://github.com/mlops",
        "github.com",
        "",
        "https://h?hunter2",
    ],
)
def test_another_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"write e\.g\. https://") as refused:
        github(text)
    assert "hunter2" not in str(refused.value)
