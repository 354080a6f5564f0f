"""In the copy of one room: mutants made, a sample of them tried until time is up, and written down what became of them.

    python -m scripts.mutants.inside SEED OF_EACH SECONDS PROCESSES OUTCOME

The only file that knows mutmut's own functions, which are not for others: its version is that of the lock.
"""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import libcst
from mutmut.__main__ import _run, collect_source_file_mutation_data, create_mutants
from mutmut.mutation.data import MutantLineSpans
from mutmut.mutation.diff_apply import read_functions_from_index
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths

from scripts.mutants.sample import chosen, is_of_words
from scripts.mutants.trial import Fate, Outcome, Trial, change_of, dumped

_MYPY_SECONDS: Final = 600
_FATES: Final = {
    "killed": Fate.KILLED,
    "timeout": Fate.KILLED,
    "segfault": Fate.KILLED,
    "not checked": Fate.NOT_REACHED,
}


def main(seed: int, of_each: int, seconds: float, processes: int, outcome: Path) -> None:
    """Everything, in order."""
    Path("mutants").mkdir(exist_ok=True)
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(processes)
    names = _names()
    changes = {name: _change(file, name) for file, of_file in names.items() for name in of_file}
    worth = {file: [name for name in of_file if not is_of_words(changes[name])] for file, of_file in names.items()}
    sample = chosen(worth, seed=seed, of_each=of_each)
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        _run([name for of_file in sample.values() for name in of_file], processes)
    except KeyboardInterrupt:
        print("\ntime is up")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    fates = _fates(sample)
    trials = tuple(
        Trial(file=file, function=_function(name), change=changes[name], fate=fates[name])
        for file, of_file in sample.items()
        for name in of_file
    )
    mutants = {file: len(of_file) for file, of_file in names.items()}
    of_words = {file: len(names[file]) - len(worth[file]) for file in names}
    outcome.write_text(dumped(Outcome(mutants=mutants, of_words=of_words, trials=trials)))


def _time_is_up(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _names() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    mutants, _ = collect_source_file_mutation_data(mutant_names=())
    for source, name, _ in mutants:
        names.setdefault(str(source.path), []).append(name)
    return names


def _change(file: str, name: str) -> tuple[str, ...]:
    functions = read_functions_from_index(name, file)
    if functions is None:
        raise ValueError(f"{file}: mutmut does not know where its mutant {name} is")
    before, after = (libcst.Module([function]).code.splitlines() for function in functions)
    return change_of(before, after)


def _function(name: str) -> str:
    """`x_name__mutmut_3` is `name`, `xǁClassǁname__mutmut_3` is `Class.name`: mutmut's own way to write it."""
    mangled = name.rpartition(".")[2].rpartition("__mutmut_")[0]
    return mangled[2:].replace("ǁ", ".") if mangled.startswith("xǁ") else mangled.removeprefix("x_")


def _fates(sample: dict[str, list[str]]) -> dict[str, Fate]:
    codes: dict[str, Any] = {}
    for file in sample:
        codes |= json.loads((Path("mutants") / f"{file}.meta").read_text())["exit_code_by_key"]
    fates = {
        name: _FATES.get(status_by_exit_code[codes[name]], Fate.LEFT) for of_file in sample.values() for name in of_file
    }
    left = {file: [name for name in of_file if fates[name] is Fate.LEFT] for file, of_file in sample.items()}
    for name in _refused({file: of_file for file, of_file in left.items() if of_file}):
        fates[name] = Fate.REFUSED
    return fates


def _refused(left: dict[str, list[str]]) -> Iterable[str]:
    """Those that mypy refuses: `make check` would not let them in."""
    if not left:
        return
    command = [sys.executable, "-m", "mypy", "--no-warn-unused-ignores", "--no-error-summary", *left]
    done = subprocess.run(
        command, cwd="mutants", capture_output=True, text=True, check=False, timeout=_MYPY_SECONDS
    )  # fmt: skip
    lines: dict[str, set[int]] = {}
    for file, line in re.findall(r"^([^:\n]+):(\d+):(?:\d+:)? error:", done.stdout, re.MULTILINE):
        lines.setdefault(file, set()).add(int(line))
    for file, names in left.items():
        spans = MutantLineSpans.load(file)
        for name in names:
            span = spans.span_by_function_name.get(name.rpartition(".")[2]) if spans else None
            if span and any(span.start <= line <= span.end for line in lines.get(file, ())):
                yield name


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
