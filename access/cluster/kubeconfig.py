"""The chosen cluster's address and credential, found where Pulumi's default provider and kubectl find them.

Order: `kubernetes:kubeconfig`, KUBECONFIG, ~/.kube/config, the pod's ServiceAccount. Several files in KUBECONFIG are
merged: the first that names a cluster, a user, a context or the current context wins, and absent ones are passed over
(kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig). Reads files, asks nobody.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from access.cluster.choice import ClusterChoice
from access.cluster.errors import ClusterChoiceError
from access.yaml_document import YamlUnreadableError, read_yaml

CURE: Final = "Set KUBECONFIG to a kubeconfig file, or run on a base runner (pool with `identity: deployer`)"
# The lists of a kubeconfig, and what an entry of each holds beside its name.
LISTS: Final = {"clusters": "cluster", "users": "user", "contexts": "context"}
# What an entry may say relative to the folder of its file.
PATHS: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")

_WRONG: Final = (ConfigError, KeyError, OSError, TypeError, ValueError, msgspec.MsgspecError, RecursionError)


def read_contexts(choice: ClusterChoice) -> tuple[list[str], str]:
    """The names of the kubeconfig's contexts, and the current one, "" without. Raises ClusterChoiceError."""
    config = _read(choice)
    return list(config.contexts), config.current_context or ""


def read_kubeconfig(choice: ClusterChoice) -> SingleConfig:
    """The chosen cluster's address and credential. Raises ClusterChoiceError."""
    config = _read(choice)
    context, cluster = choice.context or config.current_context, choice.cluster
    if not context:
        cure = f"Set kubernetes:context to one of {', '.join(config.contexts)}, or `kubectl config use-context`"
        raise ClusterChoiceError("no Kubernetes cluster: the kubeconfig has no current-context", cure)
    if context not in config.contexts:
        cure = f"Set kubernetes:context to one of {', '.join(config.contexts)}, or KUBECONFIG to the file that has it"
        raise ClusterChoiceError(f"no Kubernetes cluster: the kubeconfig has no context {context}", cure)
    cluster = cluster or config.contexts[context].cluster
    if cluster not in config.clusters:
        named = f"kubernetes:cluster names {cluster}" if choice.cluster else f"its context {context} names {cluster}"
        cure = f"Correct it; the kubeconfig has the clusters {', '.join(config.clusters)}"
        raise ClusterChoiceError(f"no Kubernetes cluster: {named}, which the kubeconfig has not", cure)
    user = config.contexts[context].user
    if user and user not in config.users:
        cure = f"Correct it; the kubeconfig has the users {', '.join(config.users)}"
        raise ClusterChoiceError(f"no Kubernetes cluster: its context {context} names the user {user}", cure)
    return SingleConfig(
        context_name=context,
        context=config.contexts[context],
        cluster=config.clusters[cluster],
        user=config.users[user] if user else User(),
        fname=config.fname,
    )


def _read(choice: ClusterChoice) -> KubeConfig:
    try:
        return _kubeconfig(choice)
    except _WRONG as error:
        cure = "Correct kubernetes:kubeconfig: a file, or its text" if choice.kubeconfig else CURE
        raise ClusterChoiceError(f"no Kubernetes cluster: {_one_line(error)}", cure) from error


def _kubeconfig(choice: ClusterChoice) -> KubeConfig:
    if choice.kubeconfig:
        path = choice.folder / _expanded(choice.kubeconfig, choice.account_home)
        if _is_file(path):
            return KubeConfig.from_dict(_merged([path]), fname=path)
        return KubeConfig.from_dict(_document(choice.kubeconfig, "it is neither a file nor the text of a kubeconfig"))
    named = [choice.folder / part for part in choice.files.split(os.pathsep) if part]
    paths = [path for path in named or [choice.home / ".kube" / "config"] if _is_file(path)]
    document = _merged(paths)
    if any(document[name] for name in LISTS):
        return KubeConfig.from_dict(document)
    try:
        return KubeConfig.from_service_account()
    except (ConfigError, KeyError) as error:
        where = f"{', '.join(map(str, named))} (KUBECONFIG)" if named else "~/.kube/config"
        what = "names none" if paths else "is not there"
        raise ConfigError(f"{where} {what}, and this is no pod with a ServiceAccount") from error


def _merged(paths: Iterable[Path]) -> dict[str, Any]:
    """One document of several files; what it says of paths is absolute."""
    merged: dict[str, Any] = {name: [] for name in LISTS}
    for path in paths:
        wrong = f"{path} is no kubeconfig"
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{wrong}: no text in UTF-8") from error
        document = _document(text, wrong)
        for name, holds in LISTS.items():
            known = {entry["name"] for entry in merged[name]}
            for entry in document[name]:
                if entry["name"] not in known:
                    merged[name].append({"name": entry["name"], holds: _absolute(entry[holds], path.parent)})
        merged["current-context"] = merged.get("current-context") or document.get("current-context")
    return merged


def _document(text: str, wrong: str) -> dict[str, Any]:
    """A kubeconfig of which each list is one. Raises ValueError."""
    try:
        document = read_yaml(text) or {}
    except YamlUnreadableError as error:
        raise ValueError(f"{wrong}: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(wrong)  # noqa: TRY004 - whoever wrote it gave a wrong value
    lists = {name: document.get(name) or [] for name in LISTS}
    for name, entries in lists.items():
        if not (isinstance(entries, list) and all(_is_entry(entry, LISTS[name]) for entry in entries)):
            raise ValueError(f"{wrong}: {name} is no list of mappings with a name and a {LISTS[name]}")
    return {**document, **lists}


def _is_entry(entry: object, holds: str) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get(holds), dict)


def _absolute(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    """An entry whose paths are absolute; of a credential plugin only one with a slash is a path."""
    absolute = entry | {key: str(folder.absolute() / entry[key]) for key in PATHS if isinstance(entry.get(key), str)}
    plugin = entry.get("exec")
    if isinstance(plugin, dict) and "/" in str(plugin.get("command", "")):
        absolute["exec"] = plugin | {"command": str(folder.absolute() / plugin["command"])}
    return absolute


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the text of a kubeconfig is too long for a name
        return False


def _expanded(path: str, home: Path | None) -> str:
    return str(home / path[2:]) if home and path.startswith("~/") else path


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
