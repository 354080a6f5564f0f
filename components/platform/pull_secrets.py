"""Pull Secrets: what registries ask for, in a namespace whose pods name them.

Their names are what pools of other stacks write, so they are neither autonamed nor immutable as other Secrets are: the
kubelet reads them at each pull, and a change of one rolls nobody.
"""

from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_kubernetes as k8s

from components.labels import object_metadata

KIND: Final = "kubernetes.io/dockerconfigjson"
KEY: Final = ".dockerconfigjson"


def declare_pull_secrets(
    name: str,
    serves: str,
    namespace: pulumi.Input[str],
    contents: Mapping[str, pulumi.Input[str]],
    parent: pulumi.Resource,
) -> None:
    """One Secret for each; name begins their logical names, contents are by the Secret's name and kept secret."""
    for secret, content in contents.items():
        k8s.core.v1.Secret(
            f"{name}-pull-secret-{secret}",
            metadata=object_metadata(serves, secret, namespace),
            type=KIND,
            string_data={KEY: pulumi.Output.secret(content)},
            opts=pulumi.ResourceOptions(parent=parent),
        )
