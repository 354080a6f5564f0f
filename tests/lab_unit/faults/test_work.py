"""A job of a fault says that it begins and that it ends, and does what else it is to do in between."""

from lab.faults.work import script


def test_a_job_tells_its_beginning_and_its_end_around_its_silence() -> None:
    lines = script("topic", "job-0", 2.5).splitlines()
    assert ["begins" in lines[0], lines[1], "ends" in lines[2]] == [True, "sleep 2.5", True]
    assert all("topic job-0" in line for line in (lines[0], lines[2]))


def test_what_it_does_besides_comes_after_its_beginning() -> None:
    lines = script("topic", "job-0", 1, "head -c 1 /dev/zero").splitlines()
    assert lines[1:3] == ["head -c 1 /dev/zero", "sleep 1"]
