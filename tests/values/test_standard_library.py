"""The room of values is in the registrar's image too, and is pure: nothing but the standard library lies below it."""

import pkgutil
import subprocess
import sys

import values
from tests.program.stack_values import ROOT


def test_every_value_can_be_imported_with_nothing_but_the_standard_library() -> None:
    names = [module.name for module in pkgutil.walk_packages(values.__path__, "values.")]
    program = f"import sys, {', '.join(names)}; print(*sys.modules)"
    # -S: no site-packages. -E and -s: none by the environment or the user's folder either.
    command = [sys.executable, "-S", "-E", "-s", "-c", program]
    modules = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    rooms = {name.partition(".")[0] for name in modules}
    assert "values" in rooms
    assert rooms - sys.stdlib_module_names - {"__main__", "values"} == set()
