"""What a shell, a test or the demo needs to talk to the lab: one set of environment variables."""

import json
import os
import shlex

from lab import gitea, network, paths, plugins, s3
from lab.errors import LabError
from lab.images.recipes import KUBERNETES_PLUGIN

PASSPHRASE = "the state of this lab"  # noqa: S105  it dies with the lab; not a word that logs would mask
FILE = paths.STATE / "env.json"


def write() -> None:
    """Writes `env.json` and `env.sh` into the lab's state, readable by root only."""
    plugins.install("pulumi-resource-kubernetes", KUBERNETES_PLUGIN)
    variables = {
        "KUBECONFIG": str(paths.KUBECONFIG),
        "PULUMI_HOME": str(paths.PULUMI_HOME),
        "PULUMI_BACKEND_URL": s3.pulumi_backend(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",  # the provider from PULUMI_HOME, without a warning about PATH
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
        "PULUMI_K8S_CLIENT_QPS": "500",
        "PULUMI_K8S_CLIENT_BURST": "1000",
        "FORGE_URL": gitea.URL,
        "FORGE_TOKEN": gitea.token(),
        **s3.credentials(),
        "LAB_S3_ENDPOINT": s3.ENDPOINT,
        "NO_PROXY": f"{network.HOST},{network.API_SERVICE},127.0.0.1,localhost,.svc",
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    virtual_environment = paths.REPOSITORY / ".venv" / "bin"
    lines.append(f'export PATH={shlex.quote(f"{paths.BIN}:{virtual_environment}")}:"$PATH"')
    for file, text in ((FILE, json.dumps(variables, indent=1)), (FILE.with_suffix(".sh"), "\n".join(lines) + "\n")):
        file.touch(mode=0o600)
        file.write_text(text)


def load() -> dict[str, str]:
    """The environment for a child process that talks to the lab: this one's, the lab's, and its programs on PATH."""
    if not FILE.exists():
        raise LabError("the lab is not up: run `make lab-up`")
    virtual_environment = paths.REPOSITORY / ".venv" / "bin"
    path = f"{virtual_environment}{os.pathsep}{paths.BIN}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **json.loads(FILE.read_text()), "PATH": path}
