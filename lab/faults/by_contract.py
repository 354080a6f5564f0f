"""What cannot be brought about on the lab, and where it is held instead."""

from typing import Final

from lab.faults.fault import Contract

CONTRACTS: Final = (
    Contract(
        "registrar-killed-at-each-request", "the registrar is killed before and after each request of a registration",
        "its successor serves the pod; what stays is a runner that nobody has, for the ghost rule",
        "tests/registrar/test_killed.py",
    ),
    Contract(
        "github-assignment-lost", "GitHub forgets the registration of a runner that it has given a job to",
        "its pod goes once no job of it goes on", "tests/registrar/test_decisions.py",
    ),
    Contract(
        "github-budget-exhausted", "GitHub's budget of requests is used up for the hour",
        "who has none waits, and other scopes go on", "tests/registrar/forges/github/test_credentials.py",
    ),
    Contract(
        "github-busy-removal", "a job and the removal of its runner arrive together at GitHub",
        "any refusal but 404 and 401 counts as busy", "tests/registrar/forges/github/test_forge.py",
    ),
    Contract(
        "github-clock", "GitHub's clock differs from ours", "the clock is named where a signature is refused",
        "tests/registrar/forges/github/test_refusals.py",
    ),
    Contract(
        "node-lost", "a node is gone for good with a job on it",
        "the job is lost; the ghost rule removes the runner", "tests/registrar/test_loop.py",
    ),
)  # fmt: skip
