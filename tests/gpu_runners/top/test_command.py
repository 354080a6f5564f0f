"""`gpu-runners top` as it is called: piped, and on a terminal of its own."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main
from tests.access.causes.world import RECORDED
from tests.access.cluster.api_server import ApiServer, api_server
from tests.gpu_runners.stand_in_pulumi import StandInPulumi
from tests.gpu_runners.state.test_check import EXEC_KUBECONFIG, recorded, resource
from tests.gpu_runners.terminal import Terminal
from tests.gpu_runners.test_child_process import is_gone, until
from tests.program.stack_values import ROOT

PULUMI = """case "$1 $2" in
"stack export") [ -e {folder}/answers ] || {{ trap '' INT; echo $$ > {folder}/hangs; exec sleep 60; }}
    cat {folder}/state ;;
"config --json") echo '{{}}' ;;
*) exit 1 ;;
esac"""
NAMESPACE, POOL = "review-pools", "reviewed"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    with api_server() as server:
        pulumi = StandInPulumi.make(tmp_path, PULUMI.format(folder=tmp_path), monkeypatch)
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
        monkeypatch.chdir(pulumi.program)
        text = json.dumps(RECORDED).replace("gpu-runners-test-system", "@").replace("gpu-runners-test", NAMESPACE)
        server.answers |= json.loads(text.replace("workers", POOL).replace("@", "gpu-runners-test-system"))
        server.answers[DEPLOYMENTS] = {"items": [server.answers[f"{DEPLOYMENTS}/{POOL}"]]}
        server.answers["/api/v1/pods"] = {"items": []}
        (tmp_path / "state").write_text(json.dumps(recorded()))
        (tmp_path / "answers").touch()
        yield server


def test_piped_it_prints_one_page_of_plain_text(cluster: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "review"]) == ExitCode.DONE
    said = capsys.readouterr().out
    assert "review-pools/reviewed" in said
    assert "\x1b" not in said
    assert {request.split()[0] for request in cluster.asked} == {"GET"}


def test_the_clock_of_a_page_is_that_of_its_failures_wherever_one_looks(
    cluster: ApiServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")  # fourteen hours from the cluster's
    time.tzset()
    try:
        before = time.gmtime()
        assert main(["top", "review"]) == ExitCode.DONE
        hours = {time.strftime("%H:", moment) for moment in (before, time.gmtime())}
    finally:
        monkeypatch.undo()
        time.tzset()
    clock = capsys.readouterr().out.splitlines()[0].split()[1:3]
    assert (clock[0][:3] in hours, clock[1]) == (True, "UTC")


def test_piped_it_fails_where_the_cluster_gives_no_answer(
    cluster: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.refusals[DEPLOYMENTS] = (500, "etcd is away")
    assert main(["top", "review"]) == ExitCode.FAILED
    assert "etcd is away" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "3601", "soon", "٣", ""])
def test_another_pause_is_wrong_usage(cluster: ApiServer, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "review", "--every", text]) == ExitCode.USAGE
    assert "a whole number of seconds from 1 to 3600" in capsys.readouterr().err


def on_terminal(*start: str, **environment: str) -> Terminal:
    begin = [sys.executable, *(start or ("-m", "gpu_runners"))]
    command = [*begin, "top", "review", "--every", "1", "--folder", str(Path.cwd())]
    return Terminal(command, ROOT, {**os.environ, "TERM": "xterm", **environment})


def test_on_a_terminal_a_page_takes_the_place_of_the_one_before_until_q(cluster: ApiServer) -> None:
    with on_terminal() as terminal:
        terminal.expect("\x1b[?1049h")
        terminal.expect("review-pools/reviewed")
        cluster.answers[DEPLOYMENTS] = {"items": []}
        terminal.expect("\x1b[H")
        terminal.expect("deployment-gone")
        terminal.type("q")
        terminal.expect("\x1b[?1049l")
        assert terminal.end() == ExitCode.DONE


@pytest.mark.parametrize("keys", ["\x1b[A", "\x1bOq", "\x1b[<64;10;10M", "\x1b", "x "])
def test_no_other_key_nor_the_wheel_ends_it(cluster: ApiServer, keys: str) -> None:
    with on_terminal() as terminal:
        terminal.expect("healthy")
        terminal.type(keys)
        terminal.expect("healthy")
        terminal.type("q")
        terminal.expect("\x1b[?1049l")
        assert terminal.end() == ExitCode.DONE


def test_a_cluster_that_is_away_for_a_while_ends_no_screen(cluster: ApiServer) -> None:
    with on_terminal() as terminal:
        terminal.expect("healthy")
        cluster.refusals[DEPLOYMENTS] = (500, "etcd is away")
        terminal.expect("cluster-unreachable")
        del cluster.refusals[DEPLOYMENTS]
        terminal.expect("healthy")
        assert terminal.leave("\x03") == ExitCode.INTERRUPTED
        assert "\x1b[?1049l" in terminal.text, "the terminal is as it was"


def test_a_terminal_that_knows_no_screens_gets_one_page(cluster: ApiServer) -> None:
    with on_terminal(TERM="dumb") as terminal:
        terminal.expect("review-pools/reviewed")
        assert terminal.end() == ExitCode.DONE
        assert "\x1b" not in terminal.text


# It asks for the state again with the next page instead of half a minute later.
AT_ONCE = """import sys
from gpu_runners import program
from gpu_runners.top import state_pools
state_pools.AGE_SECONDS = 0
sys.exit(program.main(sys.argv[1:]))"""


def test_a_state_that_somebody_else_writes_into_meanwhile_is_told_below_the_pools_that_were_known(
    cluster: ApiServer, tmp_path: Path
) -> None:
    with on_terminal("-c", AT_ONCE) as terminal:
        terminal.expect("healthy")
        foreign = recorded()
        resource(foreign, "providers:kubernetes")["inputs"]["kubeconfig"] = EXEC_KUBECONFIG
        (tmp_path / "new").write_text(json.dumps(foreign))
        (tmp_path / "new").rename(tmp_path / "state")
        terminal.expect("not looked at: the state: 1 problem with the state of review")
        terminal.expect("healthy")
        terminal.type("q")
        assert terminal.end() == ExitCode.DONE


@pytest.mark.parametrize(("key", "code"), [("q", ExitCode.DONE), ("\x03", ExitCode.INTERRUPTED)])
def test_a_state_that_does_not_come_holds_up_no_page_and_no_end(
    cluster: ApiServer, tmp_path: Path, key: str, code: ExitCode
) -> None:
    """With a Pulumi that ignores SIGINT: what ends, ends it, and waits for none of its deadlines."""
    with on_terminal("-c", AT_ONCE) as terminal:
        terminal.expect("healthy")
        (tmp_path / "answers").unlink()
        terminal.expect("not looked at: the state: no answer from Pulumi", 20)
        terminal.expect("healthy", 20)
        until("it hangs", lambda: (tmp_path / "hangs").exists() and (tmp_path / "hangs").read_text().endswith("\n"))
        terminal.type(key)
        assert terminal.end(20) == code
        assert is_gone(tmp_path / "hangs")
        assert "\x1b[?1049l" in terminal.text, "the terminal is as it was"
