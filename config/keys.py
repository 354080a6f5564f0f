"""The keys of a stack's config, and their values as the engine hands them over."""

import difflib
import json
from typing import Any, Final

import pulumi

from config.credential import SECRET_KEYS, VARIABLES, read_secret
from config.fields import Section
from config.wiring_secrets import VARIABLE_PREFIX, named_secrets
from values.problem import Problem

NAMESPACE: Final = "gpu-runners"
KEYS: Final = (
    "allowImageTags",
    "blockedCidrs",
    "dnsCidrs",
    "ephemeralStorage",
    "forge",
    "forgeCa",
    "githubApp",
    "githubWiringApp",
    "imagePullPolicy",
    "keepFailed",
    "namespace",
    "onlineDeadlineSeconds",
    "platform",
    "podSecurityVersion",
    "poolDefaults",
    "pools",
    "proxy",
    "pullSecrets",
    "quotaDefaults",
    "registrarCertificate",
    "registrarDeadlines",
    "runnerImage",
    "runnerLimits",
)
TEXT_KEYS: Final = (
    "ephemeralStorage",
    "forge",
    "forgeCa",
    "imagePullPolicy",
    "namespace",
    "podSecurityVersion",
    "runnerImage",
)


def read_values(config: pulumi.Config) -> dict[str, Any]:
    """The project's values with their types: the engine hands over everything as text."""
    values: dict[str, Any] = {}
    for key in KEYS:
        text = config.get(key)
        if text is None:
            continue
        # The engine makes an empty text of a key with nothing behind it.
        values[key] = text if key in TEXT_KEYS else _parsed(text) if text else None
    return values


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def refuse_encrypted(root: Section) -> None:
    """Notes every key that is no credential and yet encrypted: its value would stand in the state in clear."""
    for key in KEYS:
        if pulumi.runtime.is_config_secret(root.at(key)):
            cure = f"`pulumi config set {key}` without --secret; a credential belongs into {' or '.join(SECRET_KEYS)}"
            root.note(key, "an encrypted value, or one with an encrypted part", "plain text: it is no credential", cure)


def refuse_plain(root: Section) -> None:
    """Notes every credential that stands in the file in clear, whether or not this stack has a use for it."""
    variables = {name: f"{VARIABLE_PREFIX}{name}" for name in sorted(named_secrets(root.values.get("platform")))}
    for name, variable in {**VARIABLES, **variables}.items():
        read_secret(root, name, variable, {})


def check_keys(root: Section) -> None:
    """Notes every key of the project that nothing reads, and every one that was meant for it."""
    # The engine hands the config over in a variable, tests set it in the SDK.
    given = pulumi.runtime.config.get_config_env() | pulumi.runtime.config.CONFIG.get()
    names = [key.removeprefix(root.key) for key in given if key.startswith(root.key)]
    named = named_secrets(root.values.get("platform"))
    there = {name: root.values.get(name) if name in KEYS else "" for name in names}
    for name in [name for name in there if name.partition(".")[0] in KEYS and "." in name]:
        cure = f"`pulumi config rm {root.key}{name}`, and `pulumi config set --path` to write it"
        root.note(name, "a key with a dot in it, which nothing reads", f"the key below {name.partition('.')[0]}", cure)
        del there[name]
    if NAMESPACE in there:
        cure = f"write `{root.key}forge: …` on one line, and so each key: nothing nests below the name of the program"
        root.note(NAMESPACE, "the name of the program as a key", f"{root.key}KEY", cure)
        del there[NAMESPACE]
    Section(root.key, there, root.problems).known(*KEYS, *SECRET_KEYS, *named)
    for key in given:
        namespace, _, name = key.partition(":")
        if namespace != NAMESPACE and difflib.get_close_matches(namespace, [NAMESPACE], cutoff=0.8):
            cure = f"did you mean {root.key}{name}?"
            root.problems.append(Problem(key, "a key that nothing reads", f"keys that begin with {root.key}", cure))
