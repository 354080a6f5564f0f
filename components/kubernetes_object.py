"""KubernetesObject: what a stack of pools declares in Kubernetes, without a model of each of Kubernetes' kinds.

`pulumi_kubernetes` loads the models of a whole group at the first use of one, and those of a pod with the first answer:
more than all that a stack of pools computes besides. Its types say to mypy what an object holds, and a test that its
own classes would send the same (tests/components/pools/test_kubernetes_object.py).
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, Final, Optional

import pulumi

from components.wire_names import in_wire_names

_CORE: Final = "core/"  # the group without a name, in types only


@cache
def _provider_version() -> str:
    """That of the library, a plain release: it chooses the provider, as the library's own classes do."""
    return version("pulumi-kubernetes")


class KubernetesObject(pulumi.CustomResource):
    """One object. `fields` are metadata, spec and the like, by Python's names as in `pulumi_kubernetes`."""

    def __init__(
        self,
        name: str,
        api_version: str,
        kind: str,
        fields: Mapping[str, Any],
        opts: Optional[pulumi.ResourceOptions] = None,
    ) -> None:
        group = "" if "/" in api_version else _CORE
        super().__init__(
            f"kubernetes:{group}{api_version}:{kind}",
            name,
            {"apiVersion": api_version, "kind": kind, **in_wire_names(fields)},
            pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=_provider_version()), opts),
        )
