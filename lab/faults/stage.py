"""The suite's platform and pools, from nothing to nothing; one that a killed run left is taken over."""

import fcntl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, Final

from lab import environment, paths, s3, worlds
from lab.errors import LabError
from lab.faults.forge_door import PORT, URL, ForgeDoor
from lab.faults.scene import Scene
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.ledger import PORT as LEDGER_PORT
from lab.trial.ledger import Ledger
from lab.trial.pods import Pods
from lab.trial.pools import gpus, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Outcome, Stack

SPACE: Final = "gpu-runners-faults"
SYSTEM: Final = f"{SPACE}-system"
REPOSITORY: Final = "mlops/faults"
STACK: Final = "faults"
WORKER, CROWD, GPU = "worker", "crowd", "gpu"
DECLARED: Final[Mapping[str, int]] = {WORKER: 2, CROWD: 6, GPU: 1}
QUOTA_GPUS: Final = 2
OTHER_SESSION_SECONDS = 900.0
UNLOCK_SECONDS = 240.0

Config = dict[str, Any]


def config(pools: Mapping[str, Config] | None = None, **fields: Any) -> Config:
    """The stack's config; `pools` changes fields of pools by name, `fields` keys of the stack."""
    fields_of: dict[str, Config] = {name: {"replicas": count} for name, count in DECLARED.items()}
    fields_of[GPU]["gpu"] = gpus(1)
    for name, changed in (pools or {}).items():
        fields_of[name] |= changed
    quota = {"gpus": QUOTA_GPUS}
    egress = [{"cidr": "10.85.0.1/32", "ports": [PORT, LEDGER_PORT]}]
    return {
        **pools_config(*(pool(name, **given) for name, given in fields_of.items())),
        "gpu-runners:namespace": SPACE,
        "gpu-runners:platform": {
            "scope": f"{URL}/{REPOSITORY}",
            "registrar": {"namespace": SYSTEM, "image": "lab.local/registrar:lab"},
            "environments": [{"namespace": SPACE, "quota": quota, "images": ["lab.local/"], "egress": egress}],
        },
        **{f"gpu-runners:{key}": value for key, value in fields.items()},
    }


@contextmanager
def stage() -> Iterator[Scene]:
    """Everything up, with the lab to itself; gone afterwards. Raises LabError."""
    variables = environment.load()
    with alone():
        repository = Repository(variables["FORGE_URL"], variables["FORGE_TOKEN"], REPOSITORY)
        repository.make_anew()
        api, ledger, door = KubernetesApi(), Ledger(), ForgeDoor()
        stack = _stack(variables)
        try:
            despite_a_lock(stack, stack.up)
            scene = Scene(
                api=api, pods=Pods(api, SPACE, repository), repository=repository, system=SYSTEM, declared=DECLARED,
                stack=stack, ledger=ledger, door=door,
            )  # fmt: skip
            scene.until_quiet()
            yield scene
        finally:
            door.pass_on()
            despite_a_lock(stack, stack.destroy)
            door.close()
            ledger.close()
            api.close()
            repository.drop()
            repository.close()


@contextmanager
def alone() -> Iterator[None]:
    """The lab without any other test session. Raises LabError where another one does not end."""
    with (paths.CACHE / "lab-tests.lock").open("w") as lock:
        until(f"no other test session holds {lock.name}", lambda: _is_taken(lock), OTHER_SESSION_SECONDS)
        yield


def unlock(stack: Stack) -> None:
    """Takes away what a killed `up` left. Raises LabError."""
    argv = [sys.executable, "-m", "gpu_runners", "unlock", stack.name, "--yes", "--config-file", str(stack.config_file)]
    done = subprocess.run(
        argv, cwd=paths.REPOSITORY, env=dict(stack.environment), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=UNLOCK_SECONDS, start_new_session=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise LabError(f"gpu-runners unlock {stack.name}: {done.returncode}\n{done.stdout}{done.stderr}")


def taken_over(name: str, config: Config, environment: Mapping[str, str]) -> Stack:
    """A stack with this config: made, or what an earlier session left. Raises LabError."""
    folder = paths.STATE / name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return Stack.make(name, config, folder, environment)
    except LabError as error:
        if "already exists" not in str(error):
            raise
    stack = Stack(name, folder, environment)
    stack.configure(config)
    return stack


def despite_a_lock(stack: Stack, command: Callable[[], Outcome]) -> None:
    """`up` or `destroy`, once more where a killed one has left its lock. Raises LabError."""
    outcome = command()
    if outcome.code != 0 and "lock" in outcome.output:
        unlock(stack)
        outcome = command()
    outcome.succeeded()


def _stack(variables: Mapping[str, str]) -> Stack:
    backend = {**variables, "PULUMI_BACKEND_URL": s3.pulumi_backend(worlds.PLATFORM, STACK)}
    return taken_over(STACK, config(), backend)


def _is_taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
