"""`gpu-runners init` as people and scripts call it; Pulumi answers as the real one was seen to."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from gpu_runners.exit_code import ExitCode
from tests.github.app_key import private_key
from tests.gpu_runners.app.test_handshake import KEY, Browser, GitHub
from tests.gpu_runners.serving import serving
from tests.gpu_runners.terminal import Terminal
from tests.program.stack_values import ROOT

# What of the real one `init` uses: a backend that is a file, a stack file that gets a salt and secrets.
PULUMI = r"""#!/bin/sh
here={folder}
echo "$@" >> $here/calls
for last; do
    case "$before" in --config-file) file=$last;; esac
    before=$last
done
case "$1 $2" in
whoami*) [ -e $here/away ] && {{ echo 'error: PULUMI_ACCESS_TOKEN must be set' >&2; exit 3; }}; echo 'Backend URL: file:///state';;
"stack ls") cat $here/stacks;;
"stack init")
    [ -e $here/refuses-init ] && {{ echo 'error: no room' >&2; exit 1; }}
    [ -e $here/slow-init ] && {{ touch $here/in-init; while [ -e $here/slow-init ]; do sleep 0.05; done; }}
    echo '[{{"name": "'$3'", "resourceCount": 0}}]' > $here/stacks
    echo 'encryptionsalt: v1:salt:v1:a' > Pulumi.$3.yaml;;
"stack rm") echo '[]' > $here/stacks;;
"config set")
    [ -e $here/refuses-config ] && {{ echo 'error: incorrect passphrase' >&2; exit 1; }}
    cat > $here/secret; printf 'config:\n  %s:\n    secure: v1:sealed\n' $4 >> $file;;
esac
"""


@dataclass
class Scene:
    """A program's folder, a Pulumi, and a cluster that nothing names."""

    folder: Path
    variables: dict[str, str]

    @property
    def program(self) -> Path:
        return self.folder / "program"

    @property
    def file(self) -> Path:
        return self.program / "Pulumi.gpus.yaml"

    @property
    def calls(self) -> list[str]:
        calls = self.folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def command(self, *flags: str) -> list[str]:
        return [sys.executable, "-m", "gpu_runners", "init", "gpus", "--folder", str(self.program), *flags]

    def run(self, *flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """As a script does, without a terminal."""
        return subprocess.run(
            self.command(*flags), cwd=ROOT, env={**self.variables, **variables}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def at_terminal(self, *flags: str, **variables: str) -> Terminal:
        return Terminal(self.command(*flags), ROOT, {**self.variables, **variables})

    def untouched(self) -> bool:
        """Nothing but Pulumi.yaml is there, and the backend knows no stack."""
        return [path.name for path in self.program.iterdir()] == ["Pulumi.yaml"] and json.loads(
            (self.folder / "stacks").read_text()
        ) == []


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    (tmp_path / "program").mkdir()
    (tmp_path / "program/Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    (tmp_path / "stacks").write_text("[]")
    (tmp_path / "bin").mkdir()
    pulumi = tmp_path / "bin/pulumi"
    pulumi.write_text(PULUMI.format(folder=tmp_path))
    pulumi.chmod(pulumi.stat().st_mode | stat.S_IXUSR)
    variables = {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none"),
        "PULUMI_CONFIG_PASSPHRASE": "x", "NO_PROXY": "*",
    }  # fmt: skip
    return Scene(tmp_path, variables)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "app.pem"
    file.write_text(private_key())
    return file


ANSWERS = (
    "--scope", "https://github.com/vision/training", "--image", f"nvidia/cuda@sha256:{'1' * 64}",
    "--registrar-image", f"registry.example.com/registrar@sha256:{'2' * 64}",
    "--runner-image", f"ghcr.io/actions/actions-runner@sha256:{'3' * 64}", "--preset", "nvidia",
)  # fmt: skip


def test_a_script_answers_by_flags_and_the_key_goes_through_no_list_of_processes(scene: Scene, key_file: Path) -> None:
    done = scene.run(*ANSWERS, "--app-id", "4711", "--app-key", str(key_file))
    assert done.returncode == 0, done.stderr
    document = yaml.safe_load(scene.file.read_text())
    assert document["encryptionsalt"] == "v1:salt:v1:a"
    assert document["config"]["gpu-runners:githubApp"] == {"appId": 4711}
    assert document["config"]["gpu-runners:githubAppPrivateKey"] == {"secure": "v1:sealed"}
    assert (scene.folder / "secret").read_text() == key_file.read_text()
    assert "BEGIN" not in "".join(scene.calls) + done.stdout + done.stderr + scene.file.read_text()
    assert re.findall(r"^\d\. (\S+ \S+)", done.stdout, re.MULTILINE) == ["gpu-runners doctor", "pulumi up", "in a"]
    assert sorted(path.name for path in scene.program.iterdir()) == ["Pulumi.gpus.yaml", "Pulumi.yaml"]


def test_whatever_is_missing_is_told_at_once_where_nobody_can_be_asked(scene: Scene) -> None:
    done = scene.run()
    assert done.returncode == ExitCode.USAGE
    assert "--scope, --image, --registrar-image: missing" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert scene.untouched()


WRONG = {
    "scope": (["--scope", "github.com/vision/training"], "--scope: "),
    "password": (["--scope", "https://u:hunter2@github.com/a/b"], "--scope: "),
    "host": (["--scope", "https://www.github.com/a/b"], "--scope: "),
    "image": (["--image", "CUDA:1"], "--image: found 'CUDA:1'; allowed: an image reference"),
    "gpus": (["--gpus", "65"], "--gpus: found '65'; allowed: a whole number of GPUs from 0 to 64"),
    "fraction": (["--gpus", "0.5"], "--gpus: found '0.5'"),
    "digits": (["--gpus", "\u0661"], "--gpus: found '\u0661'"),
    "replicas": (["--replicas", "0"], "--replicas: found '0'"),
    "label": (["--label", "a b"], "found 'a b'; allowed: a runner label"),
    "twins": (["--label", "gpu", "--label", "GPU"], "GitHub makes no difference between upper and lower case"),
    "memory": (["--memory", "32"], "--memory: found '32'"),
    "cpu": (["--cpu", "8Gi"], "--cpu: found '8Gi'"),
    "namespace": (["--namespace", "Gpu_Runners"], "found 'Gpu_Runners'; allowed: a DNS-1123 label"),
    "cluster's": (["--namespace", "kube-system"], "any but the cluster's own"),
    "selector": (["--node-selector", "a"], "--node-selector: found 'a'; allowed: KEY=VALUE"),
    "resource": (["--gpu-resource", "gpu"], "found 'gpu'; allowed: a device plugin's resource"),
    "vendor": (["--gpu-resource", "amd.com/gpu"], "one of the preset's vendor, nvidia.com"),
    "half an App": (["--app-id", "1"], "--app-id and --app-key belong together"),
    "no key": (["--app-id", "1", "--app-key", "/dev/null"], "--app-key: no private key in PEM"),
    "no file": (["--token-file", "/proc/none"], "--token-file: /proc/none: No such file"),
    "half a URL": (["--scope", "https://[::1/a/b"], "it is no plain http or https URL"),
    "GitLab": (["--scope", "https://gitlab.com/a/b"], "no other kind of forge is served"),
    "two values": (["--node-selector", "a=b", "--node-selector", "a=c"], "--node-selector: found a twice"),
    "port": (["--port", "65536"], "'65536' is no port; allowed: a whole number from 0 to 65535"),
    "negative port": (["--port", "-1"], "'-1' is no port"),
    "CA": (["--forge-ca", "/dev/null"], "/dev/null holds no certificate"),
    "binary CA": (["--forge-ca", "/bin/sh"], "/bin/sh: no text in UTF-8"),
    "control": (["--context", "a\nb"], "--context: found 'a\\nb'; allowed: a context's name"),
    "unresolved": (["--scope", "https://forge.invalid/a/b", "--forge", "gitea"],
                   "--forge-address is missing, and nobody is there to be asked: address of forge.invalid"),
    "no address": (["--scope", "https://forge.invalid/a/b", "--forge", "gitea", "--forge-address", "ten"],
                   "--forge-address: found 'ten'; allowed: IP addresses"),
    "no token": (["--token-file", "/dev/null"], "--token-file: found no token"),
    "two": (["--no-credential", "--token-file", "/dev/null"], "give one of them"),
    "Gitea at GitHub": (["--forge", "gitea"],
                        "--forge: found gitea for https://github.com/vision/training; allowed: github"),
    "pool": (["--pool", "x" * 41], "allowed: a DNS-1123 label of at most 40 letters"),
    "name of the pool": (["--pool", "GPU"], "cure: write e.g. cuda or big-gpu"),
    "long name of an App": (["--app-name", "x" * 35], "allowed: a name of at most 34 letters"),
    "nobody": ([], "--app-id and --app-key, or --token-file: missing, and nobody is there to be asked"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_is_told_with_its_cure_and_nothing_is_there(scene: Scene, name: str) -> None:
    flags, words = WRONG[name]
    end = (
        []
        if "--no-credential" in flags or "pp" in name or name in ("no key", "no file", "no token", "nobody")
        else ["--no-credential"]
    )
    done = scene.run(*ANSWERS, *flags, *end)
    assert done.returncode in (ExitCode.USAGE, ExitCode.FAILED)
    assert words in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
    assert scene.untouched()


def test_a_file_that_is_there_is_left_as_it_is_unless_somebody_says_so(scene: Scene) -> None:
    scene.file.write_text("precious: 1\n")
    done = scene.run(*ANSWERS, "--no-credential")
    assert (done.returncode, scene.file.read_text()) == (ExitCode.USAGE, "precious: 1\n")
    assert "--overwrite" in done.stderr
    with scene.at_terminal(*ANSWERS, "--no-credential") as terminal:
        terminal.answer("Replace it by a new one? Only `yes` will do: ", "y")
        assert terminal.end() == ExitCode.USAGE
    assert scene.file.read_text() == "precious: 1\n"
    assert scene.run(*ANSWERS, "--no-credential", "--overwrite").returncode == 0
    assert "precious" not in scene.file.read_text()


def test_a_stack_that_runs_something_is_left_alone(scene: Scene) -> None:
    (scene.folder / "stacks").write_text('[{"name": "gpus", "resourceCount": 40}]')
    done = scene.run(*ANSWERS, "--no-credential", "--overwrite")
    assert done.returncode == ExitCode.FAILED
    assert "the stack gpus is there with 40 resources" in done.stderr
    assert not scene.file.exists()


def test_without_a_backend_nobody_is_asked_anything(scene: Scene) -> None:
    (scene.folder / "away").touch()
    done = scene.run(*ANSWERS, "--no-credential")
    assert done.returncode == ExitCode.FAILED
    assert "`pulumi login s3://BUCKET`" in done.stderr
    assert scene.untouched()


def test_without_a_passphrase_nothing_is_written(scene: Scene) -> None:
    del scene.variables["PULUMI_CONFIG_PASSPHRASE"]
    done = scene.run(*ANSWERS, "--no-credential")
    assert (done.returncode, scene.untouched()) == (ExitCode.USAGE, True)
    assert "PULUMI_CONFIG_PASSPHRASE" in done.stderr


@pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
@pytest.mark.parametrize("value", ["", " \n", None])
def test_a_passphrase_that_opens_the_secrets_to_everybody_is_refused(
    scene: Scene, name: str, value: str | None
) -> None:
    del scene.variables["PULUMI_CONFIG_PASSPHRASE"]
    file = scene.folder / "passphrase"
    if value is not None:
        file.write_text(value)
    given = str(file) if name.endswith("_FILE") else value or ""
    done = scene.run(*ANSWERS, "--no-credential", **{name: given})
    assert (done.returncode, scene.untouched()) == (ExitCode.USAGE, True)
    assert f"{name}: " in done.stderr
    assert "unset it" in done.stderr


def test_a_passphrase_in_a_file_is_one(scene: Scene) -> None:
    del scene.variables["PULUMI_CONFIG_PASSPHRASE"]
    (scene.folder / "passphrase").write_text("x\n")
    done = scene.run(*ANSWERS, "--no-credential", PULUMI_CONFIG_PASSPHRASE_FILE=str(scene.folder / "passphrase"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: other\nruntime: nodejs\n", "holds another Pulumi program than gpu-runners"),
        ("name: other\nruntime: nodejs\nconfig:\n  other:key:\n    type: string\n", "holds another Pulumi program"),
        ("- a\n", "holds another Pulumi program"),
        ("name: [\n", "Pulumi.yaml cannot be read"),
    ],
)
def test_in_the_folder_of_another_program_nothing_is_asked_or_written(scene: Scene, text: str, words: str) -> None:
    (scene.program / "Pulumi.yaml").write_text(text)
    done = scene.run(*ANSWERS, "--no-credential")
    assert done.returncode == ExitCode.FAILED
    assert words in done.stderr
    assert "--folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert scene.untouched()


def test_in_a_folder_that_nobody_may_write_to_nothing_is_asked(scene: Scene) -> None:
    scene.program.chmod(0o555)
    command = scene.command(*ANSWERS, "--no-credential")
    if os.geteuid() == 0:  # without what lets root write everywhere
        command = ["setpriv", "--bounding-set=-dac_override", *command]
    done = subprocess.run(
        command, cwd=ROOT, env=scene.variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    scene.program.chmod(0o755)
    assert done.returncode == ExitCode.FAILED
    assert "may not be written by you" in done.stderr
    assert scene.calls == []


def test_a_forge_whose_name_is_known_in_the_cluster_alone_is_reached_at_the_address_that_is_told(scene: Scene) -> None:
    flags = [*ANSWERS, "--scope", "https://gitea.forge.invalid:3000/a/b", "--forge", "gitea", "--no-credential"]
    done = scene.run(*flags, "--forge-address", "10.96.0.7,203.0.113.7")
    assert done.returncode == 0, done.stderr
    platform = yaml.safe_load(scene.file.read_text())["config"]["gpu-runners:platform"]
    both = [{"cidr": "10.96.0.7/32", "ports": [3000]}, {"cidr": "203.0.113.7/32", "ports": [3000]}]
    assert platform["registrar"]["egress"] == both
    assert platform["environments"][0]["egress"] == both[:1]


def test_githubs_own_port_and_names_that_end_like_githubs_are_told_apart(scene: Scene) -> None:
    done = scene.run(*ANSWERS, "--scope", "https://github.com:443/a/b", "--no-credential")
    assert done.returncode == 0, done.stderr
    flags = ["--scope", "https://notgithub.com", "--forge", "gitea", "--forge-address", "203.0.113.7"]
    done = scene.run(*ANSWERS, *flags, "--no-credential", "--overwrite")
    assert done.returncode == 0, done.stderr


def kubeconfig(scene: Scene, *names: str, current: str = "") -> None:
    clusters = [{"name": name, "cluster": {"server": "https://127.0.0.1:1"}} for name in names]
    contexts = [{"name": name, "context": {"cluster": name, "user": "me"}} for name in names]
    document = {"clusters": clusters, "contexts": contexts, "users": [{"name": "me", "user": {}}]}
    (scene.folder / "config").write_text(yaml.safe_dump({**document, "current-context": current}))
    scene.variables["KUBECONFIG"] = str(scene.folder / "config")


@pytest.mark.parametrize(
    ("names", "current", "flags", "context"),
    [
        (["a"], "a", [], None),
        (["a", "b"], "b", [], "b"),
        (["a", "b"], "b", ["--context", "a"], "a"),
        (["a", "b"], "", ["--context", "a"], "a"),
        (["größe/1", "b"], "größe/1", [], "größe/1"),
    ],
)
def test_of_several_contexts_the_stacks_file_names_one(
    scene: Scene, names: list[str], current: str, flags: list[str], context: str | None
) -> None:
    kubeconfig(scene, *names, current=current)
    done = scene.run(*ANSWERS, "--no-credential", *flags)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(scene.file.read_text())["config"].get("kubernetes:context") == context


@pytest.mark.parametrize(
    ("current", "flags", "words"),
    [
        ("", [], "--context is missing, and none is current; allowed: one of a, b"),
        ("gone", [], "--context is missing, and none is current; allowed: one of a, b"),
        ("a", ["--context", "c"], "--context: found 'c'; allowed: one of a, b"),
    ],
)
def test_a_context_that_the_kubeconfig_has_not_is_refused(
    scene: Scene, current: str, flags: list[str], words: str
) -> None:
    kubeconfig(scene, "a", "b", current=current)
    done = scene.run(*ANSWERS, "--no-credential", *flags)
    assert (done.returncode, scene.untouched()) == (ExitCode.USAGE, True)
    assert words in done.stderr


def test_a_person_chooses_among_several_contexts_of_which_the_current_one_is_the_first(scene: Scene) -> None:
    kubeconfig(scene, "a", "b", "c", current="c")
    flags = [*ANSWERS, "--no-credential", "--yes", "--gpus", "1", "--replicas", "1", "--label", "gpu", "--cpu", "1"]
    with scene.at_terminal(*flags, "--memory", "1Gi") as terminal:
        terminal.expect("1. c")
        terminal.expect("3. b")
        terminal.answer("which context of the kubeconfig [1]: ", "2")
        assert terminal.end() == 0, terminal.text
    assert yaml.safe_load(scene.file.read_text())["config"]["kubernetes:context"] == "a"


@pytest.mark.parametrize("fault", ["refuses-init", "refuses-config"])
def test_a_backend_that_refuses_half_way_leaves_neither_file_nor_stack(
    scene: Scene, key_file: Path, fault: str
) -> None:
    (scene.folder / fault).touch()
    done = scene.run(*ANSWERS, "--app-id", "1", "--app-key", str(key_file))
    assert done.returncode == ExitCode.FAILED
    assert "nothing was written" in done.stderr
    assert scene.untouched()


QUESTIONS = (
    ("URL of the repository or organization", "https://github.com/vision/training"),
    ("preset of the GPU nodes", "nvidia-plain"),
    ("GPUs of each runner", "2"),
    ("runners, each with one job", "3"),
    ("labels of these runners", "gpu, big"),
    ("image that the jobs run in", f"nvidia/cuda@sha256:{'1' * 64}"),
    ("cores of each runner", ""),
    ("memory of each runner", "64Gi"),
    ("registrar's image", f"registrar@sha256:{'2' * 64}"),
    ("image with the forge's runner", f"runner@sha256:{'3' * 64}"),
)


def answer(terminal: Terminal, count: int = len(QUESTIONS)) -> None:
    for words, text in QUESTIONS[:count]:
        terminal.answer(words, text)


def test_a_person_is_asked_one_thing_after_the_other_and_sees_the_file_first(scene: Scene, key_file: Path) -> None:
    with scene.at_terminal("--app-id", "7", "--app-key", str(key_file)) as terminal:
        answer(terminal)
        assert "count: 2" in terminal.expect("Write this to Pulumi.gpus.yaml?")
        assert scene.untouched()
        terminal.type("yes\n")
        assert terminal.end() == 0
    config = yaml.safe_load(scene.file.read_text())["config"]
    (pool,) = config["gpu-runners:pools"]
    assert (pool["labels"], pool["replicas"], pool["memory"], pool["cpu"]) == (["gpu", "big"], 3, "64Gi", "2")
    assert config["gpu-runners:platform"]["environments"][0]["quota"] == {"gpus": 8}


def test_a_wrong_answer_is_told_with_its_cure_and_asked_again(scene: Scene) -> None:
    with scene.at_terminal("--no-credential") as terminal:
        terminal.answer("URL of the repository", "training")
        terminal.expect("write e.g. https://gitea.example.com/owner/repository")
        terminal.answer("URL of the repository", "")
        terminal.expect("an answer is needed")
        answer(terminal, 2)
        terminal.answer("GPUs of each runner", "many")
        terminal.expect("allowed: a whole number of GPUs from 0 to 64")
        terminal.answer("GPUs of each runner", "1")


@pytest.mark.parametrize("answered", range(len(QUESTIONS) + 1))
@pytest.mark.parametrize(
    ("key", "code"), [("\x03", ExitCode.INTERRUPTED), ("\x04", ExitCode.FAILED)], ids=["Ctrl-C", "end"]
)
def test_whoever_leaves_at_any_question_leaves_nothing_behind(
    scene: Scene, answered: int, key: str, code: ExitCode
) -> None:
    following = [words for words, _ in QUESTIONS] + ["Write this to"]
    with scene.at_terminal("--no-credential") as terminal:
        answer(terminal, answered)
        terminal.expect(following[answered])
        terminal.expect(": ")
        assert terminal.leave(key) == code
        assert "Traceback" not in terminal.text
    assert scene.untouched()
    assert [call for call in scene.calls if "init" in call] == []


def test_whoever_does_not_agree_leaves_nothing_behind(scene: Scene) -> None:
    with scene.at_terminal(*ANSWERS, "--no-credential", "--gpus", "1", "--replicas", "1", "--label", "gpu",
                           "--cpu", "1", "--memory", "1Gi") as terminal:  # fmt: skip
        terminal.answer("Write this to", "no")
        assert terminal.end() == ExitCode.FOUND
    assert scene.untouched()


def test_a_signal_while_it_is_written_waits_until_it_is_whole(scene: Scene) -> None:
    slow = scene.folder / "slow-init"
    slow.touch()
    command = subprocess.Popen(
        scene.command(*ANSWERS, "--no-credential"), cwd=ROOT, env=scene.variables, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with command:
        end = time.monotonic() + 60
        try:
            while not (scene.folder / "in-init").exists():
                assert command.poll() is None
                assert time.monotonic() < end, "no stack is made"
                time.sleep(0.02)
            os.kill(command.pid, signal.SIGINT)
            slow.unlink()
            command.communicate(timeout=60)
        finally:
            slow.unlink(missing_ok=True)
            command.kill()
    assert command.returncode == ExitCode.INTERRUPTED
    assert yaml.safe_load(scene.file.read_text())["encryptionsalt"]
    assert sorted(path.name for path in scene.program.iterdir()) == ["Pulumi.gpus.yaml", "Pulumi.yaml"]


@pytest.fixture
def github() -> Iterator[str]:
    with serving(GitHub().application()) as url:
        yield url


def make_app(terminal: Terminal) -> None:
    terminal.answer("press Enter to make an App in your browser", "")
    terminal.answer("an organization, or your own account?", "organization")
    terminal.expect("open http://")
    terminal.expect(" in a browser")
    (address,) = re.findall(r"open (http://\S+)", terminal.text)
    Browser().visit(address)


def test_an_app_is_made_on_the_way_and_its_key_is_nowhere_but_encrypted(scene: Scene, github: str) -> None:
    flags = [*ANSWERS, "--forge", "github", "--scope", f"{github}/mlops/guide", "--yes", "--port", "0", "--gpus", "1"]
    flags += ["--replicas", "1", "--label", "gpu", "--cpu", "1", "--memory", "1Gi"]
    with scene.at_terminal(*flags) as terminal:
        make_app(terminal)
        assert terminal.end() == 0, terminal.text
        assert "1. install the App on" in terminal.text
        assert "BEGIN" not in terminal.text
    assert (scene.folder / "secret").read_text() == KEY
    assert yaml.safe_load(scene.file.read_text())["config"]["gpu-runners:githubApp"] == {"appId": 4711}


def test_the_key_of_a_new_app_is_kept_where_the_backend_refuses(scene: Scene, github: str) -> None:
    (scene.folder / "refuses-config").touch()
    flags = [*ANSWERS, "--forge", "github", "--scope", f"{github}/mlops/guide", "--yes", "--port", "0", "--gpus", "1"]
    flags += ["--replicas", "1", "--label", "gpu", "--cpu", "1", "--memory", "1Gi"]
    with scene.at_terminal(*flags) as terminal:
        make_app(terminal)
        assert terminal.end() == ExitCode.FAILED
        assert "go on with --app-id 4711 --app-key" in terminal.text.replace("\n", "")
    kept = scene.program / "gpus.private-key.pem"
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == (KEY, 0o600)
    assert not scene.file.exists()
