"""Runs declarations against Pulumi's own test monitor and records what would be sent to the engine."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks

# How the SDK marks a secret on the wire.
_SIGNATURE = "4dabf18193072939515e22adb298388d"


@dataclass(frozen=True)
class Recorded:
    """One resource as it was registered; keys of inputs are camelCase as on the wire."""

    type: str
    name: str
    parent: str
    provider: str
    inputs: dict[str, Any]
    ignored: tuple[str, ...]
    dependencies: tuple[str, ...]
    before_create: tuple[str, ...]
    before_update: tuple[str, ...]
    version: str

    @property
    def kind(self) -> str:
        """The last part of the type, e.g. `Deployment`."""
        return self.type.rpartition(":")[2]

    @property
    def object_name(self) -> str | None:
        """The name in the cluster, or None when it is left to the provider."""
        name: str | None = self.inputs["metadata"].get("name")
        return name

    @property
    def namespace(self) -> str | None:
        """The namespace in the cluster."""
        namespace: str | None = self.inputs["metadata"].get("namespace")
        return namespace


@dataclass
class Program:
    """All that a program registered, in order."""

    resources: list[Recorded] = field(default_factory=list)

    def of(self, kind: str, namespace: str | None = None) -> list[Recorded]:
        """Resources of a kind, in all namespaces or in one."""
        resources = [resource for resource in self.resources if resource.kind == kind]
        return [resource for resource in resources if namespace is None or resource.namespace == namespace]

    def one(self, kind: str, object_name: str, namespace: str | None = None) -> Recorded:
        """The one object of this name."""
        (only,) = [resource for resource in self.of(kind, namespace) if resource.object_name == object_name]
        return only


class _Provider(Mocks):
    """Answers as the Kubernetes provider does: what is left to it to name gets a name."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        state = dict(args.inputs)
        if args.typ.startswith("kubernetes:"):
            metadata = {"name": f"{args.name}-1a2b3c"} | state.get("metadata", {})
            state["metadata"] = metadata
        return f"{args.name}-id", state

    def call(self, args: Any) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Numbers for names at GitHub, as its provider looks them up; nothing else may be asked."""
        if args.token == "github:index/getRepository:getRepository":
            is_known = not args.args["fullName"].endswith("/nowhere")
            return {"fullName": args.args["fullName"], "repoId": 7 if is_known else None}, []
        if args.token == "github:index/getUser:getUser":
            return {"id": "5"}, []
        if args.token == "github:index/getTeam:getTeam":
            return {"id": "9"}, []
        raise AssertionError(f"the program must not call {args.token}")


class _Monitor(MockMonitor):
    def __init__(self, mocks: Mocks, program: Program) -> None:
        super().__init__(mocks)
        self._program = program

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            self._program.resources.append(
                Recorded(
                    type=request.type,
                    name=request.name,
                    parent=request.parent,
                    provider=request.provider or "".join(dict(request.providers).values()),
                    inputs=plain(rpc.deserialize_properties(request.object, keep_unknowns=True)),
                    ignored=tuple(request.ignoreChanges),
                    dependencies=tuple(urn.rpartition("::")[2] for urn in request.dependencies),
                    before_create=tuple(request.hooks.before_create),
                    before_update=tuple(request.hooks.before_update),
                    version=request.version,
                )
            )
        return answer


class _Callbacks:
    """Where the SDK registers hooks; its own needs an engine to call them back."""

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        """Hooks are recorded with the resources that they are bound to."""


class Secret(str):
    """A text that is marked as a secret on the wire."""

    __slots__ = ()


def plain(value: Any) -> Any:
    """Wire values as Python's own; a secret text becomes a Secret, a whole float an int."""
    if isinstance(value, dict):
        if _SIGNATURE in value:
            return _secret(plain(value["value"]))
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _secret(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _secret(item) for key, item in value.items()}
    return Secret(value) if isinstance(value, str) else value


def run(declare: Callable[[], object], stack: str = "dev") -> Program:
    """What a function declares in a stack of this name."""
    program = Program()
    mocks = _Provider()
    with _event_loop():
        pulumi.runtime.set_mocks(mocks, project="gpu-runners", stack=stack, monitor=_Monitor(mocks, program))
        pulumi.runtime.settings.SETTINGS.callbacks = _Callbacks()
        pulumi.runtime.test(declare)()  # type: ignore[no-untyped-call]
    return program


@contextmanager
def _event_loop() -> Iterator[None]:
    """The current event loop of this thread, as Pulumi's language host makes one before it loads a program.

    `set_mocks` makes futures and takes the loop as given; from Python 3.12 on nobody makes it in passing.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
