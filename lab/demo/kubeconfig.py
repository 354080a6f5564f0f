"""A kubeconfig of the deployer in a secret of CI: the other way to tell the deploy job which cluster it is for."""

import contextlib
import json
import subprocess
from collections.abc import Iterator

import yaml

from lab import node, paths
from lab.demo.forges.forge import Forge
from lab.demo.settings import PLATFORM_STACK
from lab.errors import LabError

SECRET = "KUBECONFIG"  # noqa: S105 - its name
ACCOUNT = "deployer"
LIFETIME = "1h"


@contextlib.contextmanager
def in_a_secret(forge: Forge) -> Iterator[None]:
    """Keeps the secret for as long as the block runs; the token in it ends by itself as well."""
    forge.set_secret(SECRET, _of_the_deployer(forge.stacks.pools(PLATFORM_STACK)[0].namespace))
    try:
        yield
    finally:
        forge.delete_secret(SECRET)


def with_token(administrators: str, token: str) -> str:
    """A kubeconfig like the given one (its cluster stays), for whoever has the token."""
    config = yaml.safe_load(administrators)
    (cluster,) = config["clusters"]
    context = {"cluster": cluster["name"], "user": ACCOUNT}
    return json.dumps(  # JSON is YAML
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [cluster],
            "users": [{"name": ACCOUNT, "user": {"token": token}}],
            "contexts": [{"name": cluster["name"], "context": context}],
            "current-context": cluster["name"],
        },
        indent=1,
    )


def _of_the_deployer(namespace: str) -> str:
    try:
        token = node.kubectl("--namespace", namespace, "create", "token", ACCOUNT, "--duration", LIFETIME)
    except subprocess.CalledProcessError as failure:
        raise LabError(f"no token for ServiceAccount {namespace}/{ACCOUNT}: {str(failure.stderr).strip()}") from None
    return with_token(paths.KUBECONFIG.read_text(), token.strip())
