"""Which cluster a stack's program works on: what `pulumi up` would choose, asked through Pulumi's command line."""

from collections.abc import Mapping, Sequence
from typing import Any

from access.cluster.choice import KEYS, PROVIDER, ClusterChoice
from access.cluster.errors import ClusterChoiceError
from access.cluster.kubeconfig import read_kubeconfig
from gpu_runners.pulumi_command import Program, PulumiFailedError
from gpu_runners.state.allow_list import KUBERNETES_PROVIDER
from gpu_runners.state.expectation import config_text


def cluster_of(
    program: Program,
    environment: Mapping[str, str],
    context: str = "",
    resources: Sequence[Mapping[str, Any]] | None = None,
) -> ClusterChoice:
    """The choice of the stack; `resources` are its state's, where they are at hand.

    context, if any, is only what somebody expects: it chooses nothing. Raises PulumiFailedError without a config that
    can be read, ClusterChoiceError where the stack's context is another than the expected one, or where the state's
    objects were made with other words about the cluster.
    """
    config = _provider_config(program)
    _require_brought_up_with(config, program.stack, program.export() if resources is None else resources)
    choice = ClusterChoice.of_stack(config, environment, program.folder)
    if context:
        actual = read_kubeconfig(choice).context_name
        if actual != context:
            found = f"the stack {program.stack} is on the context {actual} of the kubeconfig, and not on {context}"
            cure = f"Leave --context out, or `pulumi config set kubernetes:context {context} --stack {program.stack}`"
            raise ClusterChoiceError(found, cure)
    return choice


def _require_brought_up_with(config: Mapping[str, str], stack: str, resources: Sequence[Mapping[str, Any]]) -> None:
    """Pulumi's refresh asks with the provider that the state holds, whatever the config says since: two clusters.

    Values are the state's check; a key that the config has and no `up` has used yet is what is left.
    """
    for resource in resources:
        given = resource.get("inputs") or {}
        unused = [f"{PROVIDER}:{key}" for key in KEYS if config.get(key) and key not in given]
        if resource.get("type") == KUBERNETES_PROVIDER and unused:
            found = f"the objects of {stack} were brought up without {unused[0]}, which its config has"
            cure = f"`pulumi up --stack {stack}` moves them there, `pulumi config rm {unused[0]}` goes back"
            raise ClusterChoiceError(found, cure)


def _provider_config(program: Program) -> dict[str, str]:
    """What the stack says of KEYS. A secret is asked for alone, so that no other comes into this process."""
    provider: dict[str, str] = {}
    for key in KEYS:
        entry = program.config.get(f"{PROVIDER}:{key}")
        if entry is not None:
            provider[key] = _secret(program, key) if entry.get("secret") else config_text(entry)
    return provider


def _secret(program: Program, key: str) -> str:
    answer = program.run("config", "get", f"{PROVIDER}:{key}", with_config=True)
    if answer.code != 0:
        raise PulumiFailedError(f"{PROVIDER}:{key} of stack {program.stack}: {answer.complaint}")
    return answer.output.rstrip("\n")
