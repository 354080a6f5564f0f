"""The page of the faults is made from their list alone, and lies beside it as it is made."""

from pathlib import Path

from lab.faults import faults_of_pods, faults_of_registrar, faults_of_up, result, table
from lab.faults.catalogue import CONTRACTS, FAULTS, ORDER
from lab.faults.result import BY_CONTRACT, TRIED, Result

ROOT = Path(__file__).resolve().parents[3]
TRIED_ONE = Result("api-server-away", "the API server\n is away", "a | b", 3.25, 0, TRIED)
LOSING = Result("runner-killed", "killed", "lost", 12.0, 1, TRIED)
HELD = Result("github-late", "late", "held (`tests/x.py`)", None, 0, BY_CONTRACT)


def test_a_fault_is_one_row_whatever_its_words_hold() -> None:
    (row,) = [line for line in table.page([TRIED_ONE], ()).splitlines() if line.startswith("| `")]
    assert row == "| `api-server-away` | the API server is away | a \\| b | 3.2 | 0 | tried |"


def test_the_summary_names_who_lost_a_job() -> None:
    assert table.summary([TRIED_ONE, LOSING, HELD]) == (
        "3 faults, 2 of them tried, recovery 12.0 s in the middle, 12.0 s at most; "
        "jobs lost: 1, by 1 of the faults (`runner-killed`)."
    )


def test_a_fault_without_recovery_has_an_empty_cell() -> None:
    assert "|  | 0 | by contract |" in table.page([HELD], ())


def test_what_was_not_tried_yet_is_named() -> None:
    page = table.page([LOSING], ("runner-killed", "api-server-away", "drain"))
    assert "not yet tried, 2 (`python -m lab.faults --missing` tries them): `api-server-away`, `drain`." in page
    assert "not yet tried" not in table.page([LOSING], ("runner-killed",))


def test_a_new_result_takes_the_place_of_the_former_and_unknown_faults_go() -> None:
    again = Result("runner-killed", "killed", "not lost", 9.0, 0, TRIED)
    gone = Result("of-yesterday", "", "", None, 0, TRIED)
    order = ("api-server-away", "runner-killed")
    assert result.merged([LOSING, gone, TRIED_ONE], again, order) == [TRIED_ONE, again]


def test_the_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "reliability.json"
    result.save([TRIED_ONE, HELD], file)
    assert result.load(file) == [TRIED_ONE, HELD]
    assert [path.name for path in tmp_path.iterdir()] == ["reliability.json"]


def test_where_nothing_was_tried_yet_there_is_no_result(tmp_path: Path) -> None:
    assert result.load(tmp_path / "reliability.json") == []


def test_the_committed_page_is_made_from_the_committed_list() -> None:
    assert table.PAGE.read_text(encoding="utf-8") == table.page(result.load(), ORDER)


def test_the_committed_list_holds_faults_of_the_catalogue_in_its_order() -> None:
    names = [entry.fault for entry in result.load()]
    assert names == [name for name in ORDER if name in names]


def test_no_two_faults_have_one_name() -> None:
    assert len(set(ORDER)) == len(ORDER) >= 40


def test_whoever_may_lose_a_job_says_why() -> None:
    assert [fault.name for fault in FAULTS if bool(fault.loses) != bool(fault.why)] == []


def test_what_holds_a_contract_is_there() -> None:
    assert [contract.name for contract in CONTRACTS if not (ROOT / contract.holds).is_file()] == []


ASKED_FOR = frozenset(
    """
busy-pod-deleted idle-pod-deleted-early idle-pod-deleted-late rolling-update scale-down drain
registrar-killed-in-registration registrar-killed-in-retirement registrar-away-60s two-registrars-10s
api-server-restarted etcd-restarted kubelet-restarted containerd-restarted
forge-refuses forge-hangs forge-late-30s forge-answers-500 forge-answers-429 forge-answers-garbage forge-answers-half
registration-lost registered-twice runner-out-of-memory runner-killed idle-runner-ends work-volume-full
node-not-ready gpus-withdrawn quota-too-small clock-ahead clock-behind up-killed two-ups state-away
certificate-rotated signing-key-rotated credential-rotated
""".split()  # noqa: SIM905 - a list for people
)


def test_what_was_promised_to_be_tried_is_in_the_catalogue() -> None:
    assert {fault.name for fault in FAULTS} >= ASKED_FOR
    assert (len(faults_of_up.POINTS), faults_of_registrar.POINTS, faults_of_pods.MOMENTS) == (5, 10, 20)
    assert 2 * faults_of_pods.OFFSETS == 200
