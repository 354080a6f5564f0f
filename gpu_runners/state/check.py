"""Holds an exported state against the allow-list, before any Pulumi command acts on it. Pure.

A state that anybody else wrote into can make Pulumi run commands (an exec plugin in a provider's kubeconfig, a plugin
from another address, a dynamic resource) or send credentials away (another API address). So the whole document is read
by a closed list; one thing that is not on it, and nothing runs.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gpu_runners.state import allow_list as allowed
from gpu_runners.state.allow_list import GITHUB_PROVIDER, KUBERNETES_PROVIDER
from values.kubernetes_syntax import CLUSTERS_OWN
from values.pool import pools_config_map
from values.problem import Problem

Json = Mapping[str, Any]
_CURE: Final = (
    "nothing was run. Find out who wrote to the state's bucket, change its keys, and bring back a version of the state "
    "from before (`pulumi stack import`)"
)
_POOLS_ALONE: Final = (
    "what pools are made of, as the stack declares no platform; one that was taken out goes by `pulumi up` first"
)
_LEFT: Final = (
    "the pools of the stack's config are there. Who has just taken the last pool out of another one brings that up by "
    "hand, with no more rights than there"
)
_MOST_TOLD = 20
_URN_PARTS = 4


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What the stack's own config says: the `kubernetes:` keys, the URL of GitHub's API ("" for none).

    platform says whether it declares one. namespaces: those that it gives its pools, empty where it names none. A
    `kubernetes:` key that is a secret is None here. secrets_provider is the stack file's `secretsprovider`, ""
    for a passphrase.
    """

    stack: str
    platform: bool = False
    namespaces: frozenset[str] = frozenset()
    kubernetes: Mapping[str, str | None] = field(default_factory=dict)
    github_api: str = ""
    secrets_provider: str = ""


def check_state(export: str, expected: Expectation) -> tuple[Problem, ...]:
    """Everything in the text of `pulumi stack export` that this program did not make; empty for a state that it did."""
    if len(export) > allowed.MOST_BYTES:
        return (_problem(expected, "state", "a document of that size", f"at most {allowed.MOST_BYTES} bytes"),)
    try:
        document = json.loads(export, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return (_problem(expected, "state", f"no JSON ({type(error).__name__})", "what `pulumi stack export` prints"),)
    problems: list[Problem] = []
    for problem in _Reading(expected).problems(document):
        problems.append(problem)
        if len(problems) == _MOST_TOLD:
            break
    return tuple(problems)


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


def _problem(expected: Expectation, where: str, found: str, wanted: str) -> Problem:
    return Problem(f"state of {expected.stack}: {_short(where)}", _short(found), wanted, _CURE)


def _short(text: object) -> str:
    """A foreign text as one printable line."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text)[:200])


class _Reading:
    """One look at one document."""

    def __init__(self, expected: Expectation) -> None:
        self._expected = expected
        self._providers: set[str] = set()

    def problems(self, document: Any) -> Iterator[Problem]:
        """Each foreign thing, in the document's order."""
        if not isinstance(document, dict) or document.get("version") not in (3, 4):
            yield self._note("version", "another format", "version 3 or 4 of a deployment")
            return
        deployment = document.get("deployment")
        if deployment is None:
            return  # a stack that was made and never brought up
        if not isinstance(deployment, dict):
            yield self._note("deployment", type(deployment).__name__, "a mapping")
            return
        yield from self._unknown_keys("deployment", deployment, allowed.DEPLOYMENT_FIELDS)
        yield from self._manifest(deployment.get("manifest"))
        yield from self._secrets_provider(deployment.get("secrets_providers"))
        yield from self._resources(deployment.get("resources") or [])
        yield from self._operations(deployment.get("pending_operations") or [])

    def _note(self, where: str, found: object, wanted: str) -> Problem:
        return _problem(self._expected, where, str(found), wanted)

    def _unknown_keys(self, where: str, values: Json, names: frozenset[str]) -> Iterator[Problem]:
        for key in values:
            if key not in names:
                yield self._note(where, f"the field {key}", f"{', '.join(sorted(names))}")

    def _manifest(self, manifest: Any) -> Iterator[Problem]:
        if manifest is None:
            return
        plugins = manifest.get("plugins") if isinstance(manifest, dict) else [None]
        for plugin in plugins if isinstance(plugins, list) else [plugins] if plugins else []:
            name = plugin.get("name") if isinstance(plugin, dict) else plugin
            if not isinstance(name, str) or name not in allowed.MANIFEST_PLUGINS:
                yield self._note("manifest", f"the plugin {name}", " or ".join(sorted(allowed.MANIFEST_PLUGINS)))

    def _secrets_provider(self, provider: Any) -> Iterator[Problem]:
        """Who decrypts: a passphrase, or the very service that the stack file names."""
        if provider is None:
            return
        kind = provider.get("type") if isinstance(provider, dict) else None
        state = (provider.get("state") or {}) if isinstance(provider, dict) else {}
        url = state.get("url", "") if isinstance(state, dict) else None
        wanted = self._expected.secrets_provider
        if wanted in ("", "passphrase", "default"):
            fits = (kind == "passphrase" and url == "") or (kind == "service" and url == "https://api.pulumi.com")
        else:
            fits = kind == "cloud" and url == wanted
        if not fits:
            yield self._note("secrets_providers", f"{kind} {url}", wanted or "a passphrase, as the stack file says")

    def _resources(self, resources: Any) -> Iterator[Problem]:
        if not isinstance(resources, list) or len(resources) > allowed.MOST_RESOURCES:
            yield self._note("resources", "no list of that kind", f"a list of at most {allowed.MOST_RESOURCES}")
            return
        # Providers first: a resource may only use one that was found to be ours.
        for resource in resources:
            if isinstance(resource, dict) and str(resource.get("type")) in allowed.PROVIDERS:
                self._providers.add(f"{resource.get('urn')}::{resource.get('id')}")
        for index, resource in enumerate(resources):
            yield from self._resource(f"resources[{index}]", resource)
            if not _has_plain_values(resource):
                yield self._note(
                    f"resources[{index}]",
                    "an asset, a reference or a secret in plain text",
                    "plain values and ciphertexts",
                )

    def _operations(self, operations: Any) -> Iterator[Problem]:
        if not isinstance(operations, list) or len(operations) > allowed.MOST_RESOURCES:
            yield self._note("pending_operations", "no list of that kind", "a list")
            return
        for index, operation in enumerate(operations):
            where = f"pending_operations[{index}]"
            if not isinstance(operation, dict) or str(operation.get("type")) not in allowed.OPERATIONS:
                yield self._note(where, "an unknown operation", " or ".join(sorted(allowed.OPERATIONS)))
            else:
                yield from self._resource(where, operation.get("resource"))

    def _resource(self, where: str, resource: Any) -> Iterator[Problem]:
        if not isinstance(resource, dict):
            yield self._note(where, type(resource).__name__, "a resource")
            return
        kind, urn = resource.get("type"), resource.get("urn")
        yield from self._unknown_keys(f"{where} {urn}", resource, allowed.RESOURCE_FIELDS)
        if not isinstance(kind, str) or not isinstance(urn, str) or not self._urn_fits(kind, urn):
            yield self._note(where, f"{urn} of type {kind}", f"a URN of {self._expected.stack}::{allowed.PROJECT}")
            return
        if not self._expected.platform and kind not in allowed.POOLS_TYPES:
            yield self._note(urn, f"the type {kind}", _POOLS_ALONE)
        elif kind in allowed.PROVIDERS:
            yield from self._provider(urn, kind, resource)
        elif kind in allowed.KUBERNETES_TYPES:
            yield from self._uses(urn, resource, KUBERNETES_PROVIDER)
            yield from self._object(urn, kind, resource)
        elif kind in allowed.GITHUB_TYPES:
            yield from self._uses(urn, resource, GITHUB_PROVIDER)
        elif kind != allowed.STACK_TYPE and kind not in allowed.COMPONENTS:
            yield self._note(urn, f"the type {kind}", "a type that this program makes")
        elif resource.get("custom") or resource.get("provider"):
            yield self._note(urn, "a component with a provider", "a component, which has none")

    def _urn_fits(self, kind: str, urn: str) -> bool:
        prefix = f"urn:pulumi:{self._expected.stack}::{allowed.PROJECT}::"
        parts = urn.split("::", _URN_PARTS - 1)
        return urn.startswith(prefix) and len(parts) == _URN_PARTS and parts[2].rpartition("$")[2] == kind

    def _uses(self, urn: str, resource: Json, provider: str) -> Iterator[Problem]:
        reference = resource.get("provider")
        if (
            resource.get("custom") is not True
            or str(reference) not in self._providers
            or f"::{provider}::" not in str(reference)
        ):
            yield self._note(urn, f"the provider {reference}", f"a {provider} of this state")

    def _object(self, urn: str, kind: str, resource: Json) -> Iterator[Problem]:
        """A Kubernetes object is what its type says, under a name that is one: paths are made of it."""
        group_version, _, name = kind.removeprefix("kubernetes:").rpartition(":")
        version = group_version.removeprefix("core/")
        for half in ("inputs", "outputs"):
            values = resource.get(half) or {}
            if not isinstance(values, dict):
                yield self._note(urn, f"{half} that are no mapping", "a mapping")
                continue
            for key, wanted in (("apiVersion", version), ("kind", name)):
                if values.get(key, wanted) != wanted:
                    yield self._note(urn, f"{half}.{key} {values[key]}", wanted)
            metadata = values.get("metadata") or {}
            for key in ("name", "namespace"):
                text = metadata.get(key, "x") if isinstance(metadata, dict) else None
                if not isinstance(text, str) or not allowed.OBJECT_NAME.fullmatch(text):
                    yield self._note(urn, f"{half}.metadata.{key} {text}", "a name that Kubernetes accepts")
        yield from self._place(urn, kind, resource)

    def _place(self, urn: str, kind: str, resource: Json) -> Iterator[Problem]:
        """Pulumi deletes what the id names, and writes what the metadata names: both are the same object, and one of
        a stack of pools is where its pools are.
        """
        places = {_place(resource.get(half)) for half in ("inputs", "outputs")} - {("", "")}
        named = {f"{namespace}/{name}" if namespace else name for namespace, name in places}
        if "id" in resource and str(resource["id"]) not in named | {""}:
            yield self._note(urn, f"the id {resource['id']}", " or ".join(sorted(named)) or "none")
        if self._expected.platform:
            return
        mine = pools_config_map(self._expected.stack)
        for namespace, name in sorted(places):
            if kind.endswith(":ConfigMap") and name != mine:
                yield self._note(urn, f"the ConfigMap {name}", mine)
            if namespace in ("", *CLUSTERS_OWN) or namespace not in (self._expected.namespaces or {namespace}):
                where = ", ".join(sorted(self._expected.namespaces)) or "a namespace of runners"
                yield self._note(urn, f"an object in the namespace {namespace or 'by default'}", f"{where}; {_LEFT}")

    def _provider(self, urn: str, kind: str, resource: Json) -> Iterator[Problem]:
        if not allowed.PROVIDER_NAME[kind].fullmatch(urn.rpartition("::")[2]):
            yield self._note(urn, "another provider", "the one that this program uses")
        for half in ("inputs", "outputs"):
            values = resource.get(half) or {}
            if not isinstance(values, dict):
                yield self._note(urn, f"{half} that are no mapping", "a mapping")
                continue
            for key, value in values.items():
                if not self._input_fits(kind, key, value):
                    yield self._note(urn, f"{half}.{key} {_redacted(key, value)}", self._wanted_input(kind, key))

    def _input_fits(self, kind: str, key: str, value: Any) -> bool:
        if key == "version":
            return isinstance(value, str) and allowed.VERSION.fullmatch(value) is not None
        if key == "__internal":  # where a plugin comes from, its checksums, its parameters
            return isinstance(value, dict) and not value
        if kind == KUBERNETES_PROVIDER:
            return self._config_fits(key, value)
        if key == "baseUrl":
            return isinstance(value, str) and value == f"{self._expected.github_api.rstrip('/')}/" != "/"
        return key in allowed.GITHUB_INPUTS

    def _config_fits(self, key: str, value: Any) -> bool:
        if key not in allowed.KUBERNETES_CONFIG or key not in self._expected.kubernetes:
            return False
        wanted = self._expected.kubernetes[key]
        # Nobody makes a ciphertext of this stack who has not its key; in plain text it is somebody else's.
        return _is_secret(value) if wanted is None else isinstance(value, str) and value == wanted

    def _wanted_input(self, kind: str, key: str) -> str:
        if kind == KUBERNETES_PROVIDER and key in allowed.KUBERNETES_CONFIG:
            return f"what kubernetes:{key} of the stack's config says, or nothing"
        if key == "baseUrl":
            return f"{self._expected.github_api or 'nothing'}, as the stack's scope says"
        return "what this program gives its providers"


def _place(half: Any) -> tuple[str, str]:
    """Namespace and name in an object's inputs or outputs, "" where there is none."""
    metadata = half.get("metadata") if isinstance(half, dict) else None
    named = metadata if isinstance(metadata, dict) else {}
    return str(named.get("namespace") or ""), str(named.get("name") or "")


def _is_secret(value: Any) -> bool:
    """Whether it is a ciphertext and nothing else: Pulumi takes a secret in plain text as well, which anybody writes
    (sdk/go/common/apitype, SecretV1), and nothing within one would be read here.
    """
    return (
        isinstance(value, dict)
        and value.keys() == {allowed.SIGNATURE, "ciphertext"}
        and value[allowed.SIGNATURE] == allowed.SECRET
        and isinstance(value["ciphertext"], str)
    )


def _has_plain_values(value: Any) -> bool:
    """Whether nothing in it is an asset, an archive or a reference, which Pulumi would read from elsewhere."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if allowed.SIGNATURE in value and not _is_secret(value):
                return False
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return True


def _redacted(key: str, value: Any) -> str:
    return "" if key in ("token", "appAuth", "kubeconfig") else str(value)
