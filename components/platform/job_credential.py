"""What a base runner's pod finds beside its token: for each account a kubeconfig, and the plugin that both name.

A kubeconfig holds no secret: it says how a job that may act as the account gets a token of it.
"""

import json
from pathlib import Path
from typing import Any, Final

from components.runner_volumes import JOB_CREDENTIAL_DIRECTORY, KUBERNETES_CA_FILE
from values.accounts import JOB_ACCOUNTS
from values.contract import CREDENTIAL_PLUGIN_KEY, kubeconfig_key

# By name, as every certificate of an API server has it, and pods have it in KUBERNETES_SERVICE_HOST by address alone.
API_SERVER: Final = "https://kubernetes.default.svc"
PLUGIN: Final = (Path(__file__).parent / "credential_plugin.py").read_text()


def job_credential_files() -> dict[str, str]:
    """Keys of the ConfigMap that pods trust, with their texts."""
    kubeconfigs = {kubeconfig_key(account): json.dumps(_kubeconfig(account), indent=1) for account in JOB_ACCOUNTS}
    return {CREDENTIAL_PLUGIN_KEY: PLUGIN, **kubeconfigs}


def _kubeconfig(account: str) -> dict[str, Any]:
    """As JSON, which is YAML."""
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "python3",
        # -I: nothing that a job has put into PYTHONPATH or the folder that it works in.
        "args": ["-I", f"{JOB_CREDENTIAL_DIRECTORY}/{CREDENTIAL_PLUGIN_KEY}", account],
        "interactiveMode": "Never",
        "installHint": "the image of a base runner needs python3 (docs/onboarding.md)",
    }
    cluster = {"server": API_SERVER, "certificate-authority": f"{JOB_CREDENTIAL_DIRECTORY}/{KUBERNETES_CA_FILE}"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "this", "cluster": cluster}],
        "users": [{"name": account, "user": {"exec": plugin}}],
        "contexts": [{"name": "this", "context": {"cluster": "this", "user": account}}],
        "current-context": "this",
    }
