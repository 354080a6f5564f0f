"""The container hook, called as GitHub's runner calls it: `bash -e FILE`, one line of JSON on standard input.

Requests as `ContainerHookManager.cs` and `HookInput.cs` of actions/runner 2.336 make them.
"""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.pools.runner_scripts import CONTAINER_HOOK, START

DIGEST = f"sha256:{'a' * 64}"
OWN = f"registry.example.com/ml/cuda:12.4@{DIGEST}"
Json = dict[str, Any]


@dataclass
class Answered:
    """How one call of the hook ended."""

    code: int
    output: str
    response: Json = field(default_factory=dict)


@dataclass
class Hook:
    """The hook in a pod of a pool with one image."""

    folder: Path
    image: str = OWN

    def call(self, command: str, args: Any = None, state: Any = None, /, **variables: str) -> Answered:
        response = self.folder / "_runner_hook_responses.json"
        response.write_text("")  # the runner makes an empty one
        request = {"command": command, "responseFile": str(response), "args": args, "state": state}
        return self.call_with(json.dumps(request, ensure_ascii=False), response, **variables)

    def call_with(self, text: str, response: Path | None = None, /, **variables: str) -> Answered:
        file = self.folder / "container-hook.sh"
        file.write_text(CONTAINER_HOOK)
        done = subprocess.run(
            ["bash", "-e", str(file)],
            input=f"{text}\n".encode(),
            env={"PATH": os.environ["PATH"], "GPU_RUNNERS_IMAGE": self.image, "HOSTNAME": "cuda-abc-aaaaa"} | variables,
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        written = response.read_text() if response else ""
        output = (done.stdout + done.stderr).decode(errors="surrogateescape")
        return Answered(done.returncode, output, json.loads(written) if written else {})

    def run(self, program: str, *arguments: str, **args: Any) -> Answered:
        """A step."""
        more = {"environmentVariables": {}, "prependPath": [], "workingDirectory": str(self.folder)}
        entry = {"entryPoint": program, "entryPointArgs": " ".join(arguments).split(" ")}
        return self.call("run_script_step", {**more, **entry, **args}, args.pop("state", None))


def container(image: str = OWN, **more: Any) -> Json:
    """A job's container as the runner hands it over."""
    return {
        "container": {
            "image": image, "dockerfile": None, "entryPointArgs": [], "entryPoint": None,
            "workingDirectory": "/__w/guide/guide", "createOptions": None, "registry": None,
            "environmentVariables": {"HOME": "/github/home"}, "portMappings": [],
            "systemMountVolumes": [
                {"userProvidedValue": None, "sourceVolumePath": "/var/run/docker.sock",
                 "targetVolumePath": "/var/run/docker.sock", "readOnly": False}
            ],
            "userMountVolumes": [], **more,
        },
        "services": [],
    }  # fmt: skip


@pytest.fixture
def hook(tmp_path: Path) -> Hook:
    return Hook(tmp_path)


@pytest.mark.parametrize(
    ("own", "asked"),
    [
        (OWN, OWN),
        (OWN, "registry.example.com/ml/cuda:12.4"),
        (OWN, f"registry.example.com/ml/cuda@{DIGEST}"),
        (f"nvidia/cuda:12.4.1-runtime-ubuntu22.04@{DIGEST}", "nvidia/cuda:12.4.1-runtime-ubuntu22.04"),
        (f"docker.io/nvidia/cuda:12@{DIGEST}", "nvidia/cuda:12"),
        ("nvidia/cuda:12", "docker.io/nvidia/cuda:12"),
        ("python", "docker.io/library/python:latest"),
        ("registry.example.com:5000/cuda:12", "registry.example.com:5000/cuda:12"),
        (f"registry.example.com:5000/cuda@{DIGEST}", f"registry.example.com:5000/cuda@{DIGEST}"),
    ],
)
def test_a_job_that_asks_for_the_pools_own_image_is_accepted(hook: Hook, own: str, asked: str) -> None:
    hook.image = own
    answered = hook.call("prepare_job", container(asked))
    assert (answered.code, answered.output) == (0, "")
    assert answered.response["isAlpine"] is False
    assert answered.response["context"] == {"container": {"id": "cuda-abc-aaaaa"}}
    assert answered.response["state"] == {"environmentVariables": {"HOME": "/github/home"}}


@pytest.mark.parametrize(
    ("own", "asked"),
    [
        (OWN, "registry.example.com/ml/cuda:12.5"),
        (OWN, "registry.example.com/ml/cuda"),
        (OWN, f"registry.example.com/ml/cuda:12.4@sha256:{'b' * 64}"),
        (OWN, f"elsewhere.example.com/ml/cuda:12.4@{DIGEST}"),
        (f"registry.example.com/ml/cuda@{DIGEST}", "registry.example.com/ml/cuda:12.4"),
        (f"registry.example.com/ml/cuda@{DIGEST}", "registry.example.com/ml/cuda"),
        ("registry.example.com/ml/cuda:12", f"registry.example.com/ml/cuda:12@{DIGEST}"),
        ("registry.example.com:5000/cuda:12", "registry.example.com/cuda:12"),
        ("python:3.12", "python"),
    ],
)
def test_a_job_that_asks_for_another_image_is_told_both_and_the_cure(hook: Hook, own: str, asked: str) -> None:
    hook.image = own
    answered = hook.call("prepare_job", container(asked))
    assert answered.code == 1
    (line,) = answered.output.splitlines()
    assert line.startswith(f"::error::the job's container asks for the image {asked}, and this pool runs jobs in")
    assert f"cure: write `image: {own}`, or take `container:` out of the job" in line
    assert answered.response == {}


@pytest.mark.parametrize("asked", [None, OWN])
def test_services_are_refused_with_their_images_and_the_cure(hook: Hook, asked: str | None) -> None:
    args: Json = container(asked) if asked else {"container": None}
    args["services"] = [{"image": "redis:7", "portMappings": ["6379:6379"]}, {"image": "postgres:17"}]
    answered = hook.call("prepare_job", args)
    assert answered.code == 1
    (line,) = answered.output.splitlines()
    assert line.startswith("::error::the job's services ask for containers of redis:7, postgres:17, and this pool")
    assert OWN in line
    assert "cure: take `services:` out of the job" in line


def test_a_job_without_a_container_is_none_of_its_business(hook: Hook) -> None:
    answered = hook.call("prepare_job", {"container": None, "services": []})
    assert (answered.code, answered.response) == (0, {})


def test_volumes_are_refused_and_options_change_nothing(hook: Hook) -> None:
    volume = {"userProvidedValue": "/data:/data", "sourceVolumePath": "/data", "targetVolumePath": "/data"}
    refused = hook.call("prepare_job", container(userMountVolumes=[volume]))
    assert (refused.code, "cure: take `volumes:` out of the job" in refused.output) == (1, True)
    answered = hook.call("prepare_job", container(createOptions="--gpus all --ipc host"))
    assert answered.code == 0
    assert answered.output == (
        "::notice::`options: --gpus all --ipc host` of the job's container changes nothing: the pool says what its "
        "pods get\n"
    )


@pytest.mark.parametrize(
    "args",
    [
        {"image": "docker://alpine:3", "dockerfile": None},
        {"image": None, "dockerfile": "/__w/_actions/a/b/v1/Dockerfile"},
    ],
)
def test_a_docker_action_is_refused_in_one_sentence(hook: Hook, args: Json) -> None:
    answered = hook.call("run_container_step", {**args, "entryPointArgs": ["-c", "id"], "environmentVariables": {}})
    assert answered.code == 1
    (line,) = answered.output.splitlines()
    assert (args["image"] or args["dockerfile"]) in line
    assert f"this pool runs jobs in its own image {OWN}, without Docker; cure: use an action that is no" in line


def test_the_end_of_a_job_has_nothing_to_clean(hook: Hook) -> None:
    answered = hook.call("cleanup_job", {}, {"environmentVariables": {}})
    assert (answered.code, answered.output, answered.response) == (0, "", {})


# What shells, JSON and people make of texts.
ODD = {
    "PLAIN": "a b",
    "QUOTES": 'it\'s "quoted" `too` $(id) ${HOME} \\ \\n %s %%',
    "LINES": "first\nsecond\r\n\tthird\n",
    "EMPTY": "",
    "WORDS": "grüße, 日本語 🚀 \u2028 \u0085",
    "CONTROL": "\x01\x1b[31m\x7f",
    "INPUT_FETCH-DEPTH": "1",
    "INPUT_A.B C": "odd name",
    "BASHOPTS": "mine",
    "UID": "4711",
    "IFS": ":",
    "LONG": "x" * 100_000,
    "JSON": json.dumps({"a": [1, {"b": "c"}]}),
}
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def shown(folder: Path) -> str:
    """A script that prints its variables as JSON."""
    script = folder / "show.py"
    script.write_text(SHOW)
    return str(script)


@pytest.mark.parametrize("escaped", [False, True])
def test_every_variable_of_a_step_arrives_as_it_is(hook: Hook, escaped: bool) -> None:
    args = {
        "entryPoint": sys.executable, "entryPointArgs": [shown(hook.folder)], "environmentVariables": ODD,
        "prependPath": [], "workingDirectory": str(hook.folder),
    }  # fmt: skip
    request = {"command": "run_script_step", "responseFile": "/dev/null", "args": args, "state": None}
    answered = hook.call_with(json.dumps(request, ensure_ascii=escaped, indent=2 if escaped else None))
    assert answered.code == 0, answered.output
    seen = json.loads(answered.output)
    assert {name: seen.get(name) for name in ODD} == ODD


def test_variables_of_the_container_reach_every_step_beneath_its_own(hook: Hook) -> None:
    given = {**ODD, "SHARED": "container", "HOME": "/github/home"}
    prepared = hook.call("prepare_job", container(environmentVariables=given))
    assert prepared.code == 0, prepared.output
    assert prepared.response["state"]["environmentVariables"] == given
    answered = hook.call(
        "run_script_step",
        {
            "entryPoint": sys.executable, "entryPointArgs": [shown(hook.folder)], "prependPath": None,
            "environmentVariables": {"SHARED": "step"}, "workingDirectory": str(hook.folder),
        },
        prepared.response["state"],
        LC_ALL="C.UTF-8",
        OF_THE_POD="stays",
    )  # fmt: skip
    seen = json.loads(answered.output)
    assert {name: seen.get(name) for name in ODD} == ODD
    assert (seen["SHARED"], seen["HOME"], seen["OF_THE_POD"]) == ("step", "/github/home", "stays")
    assert seen["LC_ALL"] == "C.UTF-8"


def test_the_bytes_of_a_pods_language_are_left_alone(hook: Hook) -> None:
    seen = json.loads(hook.run(sys.executable, shown(hook.folder)).output)
    assert "LC_ALL" not in seen


NEEDED = {"PATH", "LD_LIBRARY_PATH", "GPU_RUNNERS_IMAGE", "HOSTNAME"}
KEYWORDS = {"case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "then", "time", "while"}
# Every word of the hook: what it assigns to, and what it calls.
WORDS = sorted(set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", CONTAINER_HOOK)) - KEYWORDS)
CALLED = [*WORDS, "[", ":", "command", "builtin"]
EXPORTED: dict[str, dict[str, str]] = {
    "variables": dict.fromkeys(set(WORDS) - NEEDED - {"BASH", "LC_ALL", "PWD"}, "the image's"),
    "functions": {f"BASH_FUNC_{name}%%": "() {  echo the image did $FUNCNAME;\n exit 3\n}" for name in CALLED},
    "language": {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "LC_CTYPE": "de_DE@euro"},
    "POSIX": {"POSIXLY_CORRECT": "1"},
    "options of the shell": {
        "SHELLOPTS": "allexport:errexit:histexpand:history:keyword:noclobber:noglob:nounset:posix",
        "BASHOPTS": "assoc_expand_once:expand_aliases:extglob:failglob:lastpipe:localvar_inherit:nocasematch:nullglob",
        "BASH_COMPAT": "31",
    },
    "what a shell reads": {
        "CDPATH": "/usr:/", "GLOBIGNORE": "*", "IFS": "e", "OPTIND": "7", "OLDPWD": "/usr", "SHLVL": "7", "UID": "0",
        "EUID": "0", "PPID": "1", "BASH": "/nowhere", "RANDOM": "1", "_": "x", "TMPDIR": "/nowhere",
    },
    "names that no shell takes": {"a.b-c d": "x", "%s": "x", "-u": "PATH", "--": "x", "grüße": "x"},
}  # fmt: skip


@pytest.mark.parametrize("exported", EXPORTED.values(), ids=EXPORTED)
def test_what_an_image_exports_reaches_its_steps_unchanged_and_the_hook_not_at_all(
    hook: Hook, exported: dict[str, str]
) -> None:
    prepared = hook.call("prepare_job", container(environmentVariables={"SHARED": "the container's"}), **exported)
    assert (prepared.code, prepared.output) == (0, "")
    assert prepared.response["state"] == {"environmentVariables": {"SHARED": "the container's"}}
    assert hook.call("prepare_job", container("another"), **exported).output.startswith("::error::the job's container")
    args = {
        "entryPoint": "cat", "entryPointArgs": ["/proc/self/environ"], "prependPath": [],
        "environmentVariables": {"OF_THE_STEP": "a b"}, "workingDirectory": str(hook.folder),
    }  # fmt: skip
    step = hook.call("run_script_step", args, prepared.response["state"], **exported)
    assert step.code == 0, step.output
    pod = {"PATH": os.environ["PATH"], "GPU_RUNNERS_IMAGE": OWN, "HOSTNAME": "cuda-abc-aaaaa"}
    given = pod | exported | {"SHARED": "the container's", "OF_THE_STEP": "a b", "PWD": str(hook.folder)}
    assert set(step.output.removesuffix("\0").split("\0")) == {f"{name}={value}" for name, value in given.items()}


def test_what_an_images_own_start_of_every_bash_does_is_its_own(hook: Hook) -> None:
    start = hook.folder / "start.sh"
    start.write_text(
        "shopt -s expand_aliases nocasematch\nset -Cfu\nfound=the_image\nprintf() { exit 3; }\nexport LEFT=behind\n"
        "alias exec='exit 4' unset='exit 5' set='exit 6' mapfile='exit 7' local='exit 8' printf='exit 9' [='exit 10'\n"
    )
    answered = hook.call("prepare_job", container(), BASH_ENV=str(start))
    assert (answered.code, answered.output) == (0, "")
    args = {"entryPoint": sys.executable, "entryPointArgs": [shown(hook.folder)], "workingDirectory": "/"}
    seen = json.loads(hook.call("run_script_step", args, BASH_ENV=str(start)).output)
    assert (seen["BASH_ENV"], "LEFT" in seen, "found" in seen) == (str(start), False, False)


def test_a_program_with_an_equals_sign_in_its_path_is_told_not_set(hook: Hook) -> None:
    answered = hook.run("/opt/a=b/python", "x")
    assert (answered.code, answered.output) == (
        1,
        "::error::the step's program /opt/a=b/python has a = in its path; cure: another path\n",
    )


def test_a_step_runs_where_it_belongs_and_with_its_own_exit_code(hook: Hook) -> None:
    folder = hook.folder / "a folder (with) odd 'letters'"
    folder.mkdir()
    (hook.folder / "step.sh").write_text('pwd; echo "$PWD" >&2; exit 42\n')
    answered = hook.run("sh", "-e", str(hook.folder / "step.sh"), workingDirectory=str(folder))
    assert (answered.code, answered.output) == (42, f"{folder}\n{folder}\n")


def test_a_working_directory_that_is_not_there_is_told(hook: Hook) -> None:
    answered = hook.run("pwd", workingDirectory="/not/there")
    assert answered.code == 1
    assert "::error::the step's working directory /not/there is not there" in answered.output


def test_paths_that_steps_add_come_first_in_their_order(hook: Hook) -> None:
    for name in ("one", "two"):
        (hook.folder / name).mkdir()
        tool = hook.folder / name / "tool"
        tool.write_text(f"#!/bin/sh\necho {name}; echo $PATH\n")
        tool.chmod(0o755)
    added = [str(hook.folder / "two"), str(hook.folder / "one")]
    answered = hook.run("tool", prependPath=added)
    assert answered.output.splitlines() == ["two", ":".join([*added, os.environ["PATH"]])]


def test_a_path_that_the_container_sets_lies_behind_those_that_steps_add(hook: Hook) -> None:
    answered = hook.run(
        sys.executable, shown(hook.folder), environmentVariables={"PATH": "/usr/bin:/bin"}, prependPath=["/first"]
    )
    assert json.loads(answered.output)["PATH"] == "/first:/usr/bin:/bin"


def test_a_path_that_is_first_already_is_not_added_again(hook: Hook) -> None:
    answered = hook.call(
        "run_script_step",
        {
            "entryPoint": "/bin/sh", "entryPointArgs": ["-c", '"echo $PATH"'], "prependPath": ["/first"],
            "environmentVariables": {}, "workingDirectory": "/",
        },
        PATH="/first:/usr/bin:/bin",
    )  # fmt: skip
    assert answered.output == "/first:/usr/bin:/bin\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "--noprofile -e -o pipefail /__w/_temp/a.sh",
            ["--noprofile", "-e", "-o", "pipefail", "/__w/_temp/a.sh"],
        ),
        ('-c "source activate; sh a.sh"', ["-c", "source activate; sh a.sh"]),
        ("-c 'one two'", ["-c", "'one", "two'"]),
        ('"/path with/blanks" x', ["/path with/blanks", "x"]),
        ('a"b c"d', ["ab cd"]),
        (r'\"a\" \\"b\\" c\d', ['"a"', "\\b\\", "c\\d"]),
        ('"a ""b"" c"', ['a "b" c']),
        ("  a   b  ", ["a", "b"]),
        ("$HOME * ~ $(id)", ["$HOME", "*", "~", "$(id)"]),
        ("", []),
    ],
)
def test_a_command_line_is_taken_apart_as_the_runner_does_without_a_container(
    hook: Hook, line: str, words: list[str]
) -> None:
    script = hook.folder / "words"
    script.write_text("#!/usr/bin/env python3\nimport json, sys; print(json.dumps(sys.argv[1:]))\n")
    script.chmod(0o755)
    assert json.loads(hook.run(str(script), *line.split(" ")).output) == words


@pytest.mark.parametrize(
    "text",
    [
        "", "no json", "{", '{"command": "prepare_job"', '{"command": prepare_job}', '{"command": "a" "b"}', "[1, 2",
        '{"a": "\\x"}', '{"a": "\\u12"}', '{"a": 1} trailing', '{"a" 1}', '"unterminated',
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_read_is_a_failure_and_nothing_is_run(hook: Hook, text: str) -> None:
    answered = hook.call_with(text)
    assert answered.code == 1
    assert "cannot be read; cure:" in answered.output


def test_a_command_that_nobody_knows_is_refused(hook: Hook) -> None:
    answered = hook.call("run_another_step", {})
    assert (answered.code, "asks its container hook for run_another_step" in answered.output) == (1, True)


def test_an_image_cannot_say_anything_but_itself_in_the_log(hook: Hook) -> None:
    answered = hook.call("prepare_job", container("evil\n::add-mask::x%0A"))
    assert len(answered.output.splitlines()) == 1
    assert "evil%0A::add-mask::x%250A" in answered.output


def test_the_hook_needs_bash_and_env_and_nothing_else_of_the_image(hook: Hook) -> None:
    programs = hook.folder / "bin"
    programs.mkdir()
    for name in ("bash", "env"):
        program = shutil.which(name)
        assert program
        (programs / name).symlink_to(program)
    answered = hook.call("prepare_job", container(environmentVariables=ODD), PATH=str(programs))
    assert (answered.code, answered.output) == (0, "")
    args = {"entryPoint": "bash", "entryPointArgs": ["-c", '"echo', 'ran"'], "environmentVariables": ODD}
    step = hook.call(
        "run_script_step", {**args, "workingDirectory": "/"}, answered.response["state"], PATH=str(programs)
    )
    assert step.output == "ran\n"


def test_the_start_script_puts_the_hook_where_the_runner_looks(tmp_path: Path) -> None:
    run = tmp_path / "run.sh"
    run.write_text(f'#!/bin/sh\necho "$ACTIONS_RUNNER_CONTAINER_HOOKS" > {tmp_path}/hooks\n')
    run.chmod(0o755)
    (tmp_path / "registration").write_text("e30=")
    places = {"RUNNER_DIRECTORY": tmp_path, "REGISTRATION_DIRECTORY": tmp_path, "TERMINATION_LOG": tmp_path / "log"}
    variables = {"PATH": os.environ["PATH"], **{name: str(place) for name, place in places.items()}}
    subprocess.run(["/bin/sh", "-c", START["github"]], env=variables, check=True, timeout=60)
    file = Path((tmp_path / "hooks").read_text().strip())
    assert file.suffix == ".sh"
    assert file.read_text() == CONTAINER_HOOK


@pytest.mark.parametrize(
    "text",
    [
        '{"command": "cleanup_job"]',
        '{"a": [1}, "command": "cleanup_job"}',
        '{"command": "cleanup_job"} x',
        '{"command": "clean',
        '{"a": "\\',
        '{"a":' * 3000,
        '{"command": "cleanup_job", "a": ' + "[" * 60 + "]" * 60 + "}",
        json.dumps({"args\x1fcontainer\x1fimage": OWN, "command": "prepare_job", "args": container("evil")}),
    ],
    ids=["bracket", "inner bracket", "more", "half", "half an escape", "no end", "too deep", "a name that is a path"],
)
def test_what_is_no_request_is_refused_at_once(hook: Hook, text: str) -> None:
    answered = hook.call_with(text)
    assert answered.code == 1
    assert "cannot be read" in answered.output


def test_a_request_of_many_pieces_is_read_whole_wherever_they_end(hook: Hook) -> None:
    """It is read 4096 bytes at a time: no letter, escape or pair of escapes may depend on where one ends."""
    for shift in range(14):
        variables = {
            "SHIFT": "x" * (4096 * 3 - shift),
            "B": '\\"\n\t\x01\u00e9\U0001f600' * 50,
            "C": "",
            "D": "é" * 4096,
        }
        for ascii_only in (True, False):
            response = hook.folder / "response.json"
            response.write_text("")
            args = {"container": {"image": OWN, "environmentVariables": variables}}
            request = {"command": "prepare_job", "responseFile": str(response), "args": args}
            answered = hook.call_with(json.dumps(request, ensure_ascii=ascii_only), response)
            assert answered.response["state"]["environmentVariables"] == variables


def test_three_hundred_variables_cost_a_step_no_seconds(hook: Hook) -> None:
    """Read as one text they took two and a half of CPU: each step through it copied all that was left."""
    state = {"environmentVariables": {f"V{number}": "x" * 500 for number in range(300)}}
    args = {
        "entryPoint": "true", "entryPointArgs": [], "workingDirectory": str(hook.folder), "prependPath": [],
        "environmentVariables": {f"V{number}": "y" * 200 for number in range(300)},
    }  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert hook.call("run_script_step", args, state).code == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_services_are_refused_wherever_they_stand_and_one_without_an_image_is_none(hook: Hook) -> None:
    empty, redis = {"image": "", "environmentVariables": {"image": "x"}}, {"image": "redis"}
    assert hook.call("prepare_job", container() | {"services": [empty]}).code == 0
    answered = hook.call("prepare_job", container() | {"services": [empty, redis]})
    assert answered.code == 1
    assert "ask for containers of redis, and" in answered.output


def test_an_image_may_be_written_as_a_step_writes_one(hook: Hook) -> None:
    assert hook.call("prepare_job", container(f"docker://{OWN}")).code == 0
