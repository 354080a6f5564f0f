"""What reading a config loads: whoever only reads one waits for neither Kubernetes' SDK nor a client."""

import subprocess
import sys
from typing import Final

import pytest

from tests.program.stack_values import ROOT

FOREIGN: Final = ("pulumi_kubernetes", "pulumi_github", "lightkube", "httpx2", "gidgethub", "components", "access")
PROGRAM: Final = """
import sys
from tests.program.stack_values import loaded, stack_file
loaded(stack_file(sys.argv[1]), {"FORGE_TOKEN": "hush"})
print(*sys.modules, sep="\\n")
"""


@pytest.mark.parametrize("stack", ["platform", "dev"])
def test_loading_a_config_loads_no_kubernetes_no_client_and_no_other_room(stack: str) -> None:
    command = [sys.executable, "-c", PROGRAM, stack]
    modules = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert "config.stack" in modules
    assert [name for name in modules if name.partition(".")[0] in FOREIGN] == []
