"""A program that is interrupted while it loads: a signal that comes as it begins to import one module of its own."""

import subprocess
import sys
from typing import Final

from tests.program.stack_values import ROOT

SECONDS: Final = 30
_SCRIPT: Final = """
import importlib.abc, os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
program, module = sys.argv[1:]
class Interrupts(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
sys.argv[1:] = ["--no-such-flag"]
runpy.run_module(program, run_name="__main__", alter_sys=True)
"""


def interrupted_while_loading(program: str, module: str) -> "subprocess.CompletedProcess[str]":
    """`python -m program`, by Ctrl-C as it begins to load this module."""
    return subprocess.run(
        [sys.executable, "-c", _SCRIPT, program, module], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=SECONDS, stdin=subprocess.DEVNULL,
    )  # fmt: skip
