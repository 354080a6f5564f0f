"""Reads what pods may have beyond what every pool has: what an environment grants, and what a pool asks for."""

import re
from collections.abc import Iterable
from typing import Final

from config.caches import CacheConfig, read_mounts
from config.fields import Section
from config.kinds import TextKind, choice, text_kind
from values.kubernetes_syntax import DNS_SUBDOMAIN, is_dns_subdomain
from values.pod_extras import PodExtras
from values.pod_variables import LONGEST_VALUE, MOST_VARIABLES, VARIABLE, is_variable_name, why_reserved
from values.pool import IMAGE_PULL_POLICIES, RunnerPool
from values.secrecy import without_secrets

MOST_NAMES: Final = 32
EXTRAS: Final = (
    "env",
    "caches",
    "runtimeClassName",
    "priorityClassName",
)  # and pullSecrets, which a stack gives to its pools
GRANTED: Final = ("pullSecrets", "env", "runtimeClasses", "priorityClasses")
SUBDOMAIN: Final = "as a DNS-1123 subdomain: at most 253 lowercase letters, digits, '-' and '.'"
_SUBDOMAIN_SCHEMA: Final = {"pattern": f"^{DNS_SUBDOMAIN}$", "maxLength": 253}


def _object_kind(what: str, command: str) -> TextKind:
    cure = f"write the name that `kubectl get {command}` shows"
    return text_kind(is_dns_subdomain, f"the name of a {what}, {SUBDOMAIN}", cure, _SUBDOMAIN_SCHEMA)


PULL_SECRET_KIND: Final = _object_kind("Secret of the pods' namespace", "secrets --namespace NAMESPACE")
RUNTIME_CLASS_KIND: Final = _object_kind("RuntimeClass", "runtimeclasses")
# A class of the cluster's own parts would let jobs push them off a node.
PRIORITY_CLASS_KIND: Final = TextKind(
    lambda text: is_dns_subdomain(text) and not text.startswith("system-"),
    f"the name of a PriorityClass that is none of the cluster's own (system-…), {SUBDOMAIN}",
    lambda text: (
        "make a class for runners: this one is for what the cluster itself runs"
        if text.startswith("system-")
        else "write the name that `kubectl get priorityclasses` shows"
    ),
    {"pattern": f"^(?!system-){DNS_SUBDOMAIN}$", "maxLength": 253},
)
VARIABLE_KIND: Final = TextKind(
    lambda text: is_variable_name(text) and not why_reserved(text),
    "the name of an environment variable that a pool may set: letters, digits and _, the first no digit",
    lambda text: f"leave it out: {why}" if (why := why_reserved(text)) else "write e.g. HF_HOME",
    {"pattern": f"^{VARIABLE}$"},
)
VALUE_KIND: Final = text_kind(
    lambda text: len(text) <= LONGEST_VALUE and re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text) is None,
    f"a text of at most {LONGEST_VALUE} letters without control characters",
    "write a text, in quotes, and a longer one into a file of the image",
    {"maxLength": LONGEST_VALUE},
)
PULL_POLICY_KIND: Final = choice(IMAGE_PULL_POLICIES)


def read_granted(section: Section, made: Iterable[str], caches: Iterable[CacheConfig], *, has_proxy: bool) -> PodExtras:
    """The lists of an environment. made: pull Secrets that the platform makes, which count where it lists none.

    has_proxy: whether the stack names one.
    """
    names = section.texts("pullSecrets", PULL_SECRET_KIND, MOST_NAMES)
    extras: PodExtras = {
        "pull_secrets": names if "pullSecrets" in section.values else sorted(made),
        "variables": section.texts("env", VARIABLE_KIND, MOST_VARIABLES),
        "runtime_classes": section.texts("runtimeClasses", RUNTIME_CLASS_KIND, MOST_NAMES),
        "priority_classes": section.texts("priorityClasses", PRIORITY_CLASS_KIND, MOST_NAMES),
        "proxy": has_proxy,
        "caches": [cache.cache for cache in caches],
    }
    for name in GRANTED:
        _each_once(section, name)
    return extras


def add_extras(section: Section, pool: RunnerPool) -> None:
    """What a pool asks for; its environment has to grant it."""
    if secrets := section.texts("pullSecrets", PULL_SECRET_KIND, MOST_NAMES):
        pool["pull_secrets"] = secrets
        _each_once(section, "pullSecrets")
    if caches := read_mounts(section):
        pool["caches"] = caches
    if variables := _read_variables(section):
        pool["env"] = variables
    if runtime_class := section.optional_text("runtimeClassName", RUNTIME_CLASS_KIND):
        pool["runtime_class"] = runtime_class
    if priority_class := section.optional_text("priorityClassName", PRIORITY_CLASS_KIND):
        pool["priority_class"] = priority_class


def _read_variables(section: Section) -> dict[str, str]:
    variables = section.pairs("env", VARIABLE_KIND, VALUE_KIND, is_private=True)
    if len(variables) > MOST_VARIABLES:
        section.note("env", f"{len(variables)} variables", f"at most {MOST_VARIABLES}", "leave some out")
    for name, value in variables.items():
        if not without_secrets(f"{name}={value}").endswith(
            f"={value}"
        ):  # a name alone may look like one: npm_config_cache
            allowed = "nothing that looks like a password or a key: every job, and whoever may read pods, can read it"
            cure = "revoke it, make it a secret at the forge, and name it in `env` of the one job that needs it"
            section.note(f"env.{name}", "a value that is not shown", allowed, cure)
    return {name: value for name, value in variables.items() if VARIABLE_KIND.check(name)}


def _each_once(section: Section, name: str) -> None:
    value = section.value(name)
    texts = [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
    for text in dict.fromkeys(texts):
        if texts.count(text) > 1:
            section.note(name, f"{text} {texts.count(text)} times", "each once", "leave all but one out")
