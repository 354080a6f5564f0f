"""What a shell, a test or the demo needs to talk to the lab: one set of environment variables for each of its worlds.

`env.sh` is the administrator's; `env-dev.sh` and `env-data.sh` hold what somebody has who works on one environment or
on data, `env-dev-review.sh` what somebody has who only looks.
"""

import json
import os
import shlex
from pathlib import Path

from lab import gitea, network, paths, plugins, s3, worlds
from lab.errors import LabError
from lab.images.recipes import KUBERNETES_PLUGIN
from lab.worlds import DATA, PLATFORM, World

_PULUMI = {
    "KUBECONFIG": str(paths.KUBECONFIG),
    "PULUMI_HOME": str(paths.PULUMI_HOME),
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",  # the provider from PULUMI_HOME, without a warning about PATH
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
    "PULUMI_K8S_CLIENT_QPS": "500",
    "PULUMI_K8S_CLIENT_BURST": "1000",
}
# Every variable of any world: what is not in the chosen one is taken away, so that no shell mixes two.
_NAMES = frozenset(
    {
        *_PULUMI, "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "FORGE_URL", "FORGE_TOKEN", "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "LAB_S3_ENDPOINT", "NO_PROXY",
    }
)  # fmt: skip


def write() -> None:
    """Writes a `.json` and a `.sh` for each world into the lab's state, readable by root only."""
    plugins.install("pulumi-resource-kubernetes", KUBERNETES_PLUGIN)
    virtual_environment = paths.REPOSITORY / ".venv" / "bin"
    for world in worlds.ALL:
        variables = _variables(world)
        lines = [f"unset {' '.join(sorted(_NAMES - set(variables)))}"] if _NAMES - set(variables) else []
        lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        lines.append(f'export PATH={shlex.quote(f"{paths.BIN}:{virtual_environment}")}:"$PATH"')
        worlds.write_private(_file(world), json.dumps(variables, indent=1))
        worlds.write_private(_file(world).with_suffix(".sh"), "\n".join(lines) + "\n")


def load(world: World = PLATFORM) -> dict[str, str]:
    """The environment for a child process that talks to the lab: this one's, the world's, and its programs on PATH.

    Nothing of another world is in it, whatever this process has.
    """
    if not _file(world).exists():
        raise LabError("the lab is not up: run `make lab-up`")
    virtual_environment = paths.REPOSITORY / ".venv" / "bin"
    path = f"{virtual_environment}{os.pathsep}{paths.BIN}{os.pathsep}{os.environ['PATH']}"
    mine = {name: value for name, value in os.environ.items() if name not in _NAMES}
    return {**mine, **json.loads(_file(world).read_text()), "PATH": path}


def _file(world: World) -> Path:
    return paths.STATE / ("env.json" if world == PLATFORM else f"env-{world.name}.json")


def _variables(world: World) -> dict[str, str]:
    variables = {
        **s3.credentials(world),
        "LAB_S3_ENDPOINT": s3.ENDPOINT,
        "NO_PROXY": f"{network.HOST},{network.API_SERVICE},127.0.0.1,localhost,.svc",
    }
    if world == DATA:
        return variables
    variables |= {**_PULUMI, "PULUMI_BACKEND_URL": s3.pulumi_backend(world)}
    if world.state:
        variables["PULUMI_CONFIG_PASSPHRASE"] = worlds.passphrase(world)
    # The forge's administrator is the platform's alone.
    return variables | ({"FORGE_URL": gitea.URL, "FORGE_TOKEN": gitea.token()} if world == PLATFORM else {})
