from lab.demo import timeline


def test_an_event_shows_its_seconds_since_the_start_and_its_source() -> None:
    event = timeline.Event(at=112.34, source="pod", text="cuda-1 online")
    assert timeline.line(event, start=100.0) == "   12.3 s  pod        cuda-1 online"


def test_the_table_counts_from_what_started_the_run_and_from_step_to_step() -> None:
    marks = {timeline.START: 50.0, "deploy started": 52.0, "done": 80.5}
    milestones = [timeline.Milestone(mark, mark) for mark in ("deploy started", "done")]
    table = timeline.table(marks, ("dispatch", "workflow dispatched"), milestones)
    rows = [row.split("  ") for row in table.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells == [
        ["since dispatch", "step"],
        ["workflow dispatched", "0.0 s", "0.0 s"],
        ["deploy started", "2.0 s", "2.0 s"],
        ["done", "30.5 s", "28.5 s"],
    ]


def test_a_milestone_that_was_never_reached_has_a_dash_and_breaks_nothing() -> None:
    text = timeline.table({timeline.START: 1.0}, ("push", "git push"))
    assert text.count(" -") >= 2 * len(timeline.MILESTONES)


def test_every_step_of_the_claim_has_a_row() -> None:
    marks = [milestone.mark for milestone in timeline.MILESTONES]
    assert marks == [
        *("deploy started", "pod created", "runner online", "deploy done"),
        *("train started", "data pulled", "training", "trained", "done"),
    ]
