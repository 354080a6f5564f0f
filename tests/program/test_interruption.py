"""An interrupt ends this program soon and without a traceback from its first line on."""

from pathlib import Path

import pytest

from components.interruption import SAID_ITSELF
from tests.access.cluster.api_server import api_server
from tests.components.started_program import SECONDS, interrupt_until_it_ends, read_until, started_program

PROGRAM = """
import pulumi, runpy
from tests.program.stack_values import set_config, stack_file
pulumi.runtime.configure(pulumi.runtime.Settings("gpu-runners", "dev"))
set_config(stack_file("dev"))
runpy.run_path(".", run_name="__main__")
"""
# An import that takes its time, as an import of a large package does from a disk that nothing has read yet.
SLOW_IMPORT = """
import time
print("imports", flush=True)
time.sleep(60)
"""


def test_an_interrupt_among_its_imports_ends_it(tmp_path: Path) -> None:
    (tmp_path / "pulumi.py").write_text(SLOW_IMPORT)
    code = f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); runpy.run_path('.', run_name='__main__')"
    with started_program(code) as process:
        read_until(process, "imports")
        assert (interrupt_until_it_ends(process), (process.stdout and process.stdout.read())) == (SAID_ITSELF, "")


def test_an_interrupt_while_its_cluster_hangs_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with api_server() as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path / "kubeconfig")))
        cluster.stop_answering()
        with started_program(PROGRAM) as process:
            assert cluster.held.wait(SECONDS), "nobody asked"
            assert (interrupt_until_it_ends(process), (process.stdout and process.stdout.read())) == (SAID_ITSELF, "")
        cluster.release()
