"""A hand that changes objects of the cluster in every way that people and programs have: as kubectl, as anybody."""

import copy
import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import paths
from lab.errors import LabError
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi

Json = dict[str, Any]
Change = Callable[[Json], object]
CONFLICT = "the object has been modified"
KUBECTL = str(paths.BIN / "kubectl")


@dataclass(frozen=True)
class Hand:
    """One administrator. `folder` is for files that `kubectl edit` takes."""

    api: KubernetesApi
    folder: Path
    pulumi: Mapping[str, str]  # path of an object → the manager that Pulumi is there

    def patch(self, path: str, change: Change, manager: str = "kubectl-patch") -> None:
        """`kubectl patch --type merge`."""
        before, after = self._changed(path, change)
        patch = merge_patch(before, after)
        self._kubectl("patch", *_named(before), "--type=merge", f"--field-manager={manager}", "-p", json.dumps(patch))

    def replace(self, path: str, change: Change) -> None:
        """`kubectl replace`, once more where a controller wrote in between."""

        def replaced() -> bool:
            _, after = self._changed(path, change)
            return self._kubectl("replace", "-f", "-", text=json.dumps(after), unless=CONFLICT)

        until(f"{path} is replaced", replaced, 10)

    def edit(self, path: str, change: Change) -> None:
        """`kubectl edit`, with an editor that knows what it wants."""

        def edited() -> bool:
            before, after = self._changed(path, change)
            file = self.folder / "edited.yaml"
            file.write_text(yaml.safe_dump(after))
            return self._kubectl("edit", *_named(before), variables={"KUBE_EDITOR": f"cp {file}"}, unless=CONFLICT)

        until(f"{path} is edited", edited, 10)

    def apply(self, path: str, change: Change, manager: str = "") -> None:
        """`kubectl apply --server-side`, as Pulumi itself unless a manager is named."""
        _, after = self._changed(path, change)
        for name in ("resourceVersion", "uid", "generation", "creationTimestamp"):
            after["metadata"].pop(name, None)
        after.pop("status", None)
        manager = manager or self.pulumi[path]
        self._kubectl(
            "apply",
            "--server-side",
            "--force-conflicts",
            f"--field-manager={manager}",
            "-f",
            "-",
            text=json.dumps(after),
        )

    def update(self, path: str, change: Change, manager: str) -> None:
        """What a controller or an operator does: PUT under a name of its own."""

        def updated() -> bool:
            _, after = self._changed(path, change)
            answer = self.api.attempt("PUT", f"{path}?fieldManager={manager}", after)
            if not answer.is_success and answer.status_code != 409:
                raise LabError(f"PUT {path}: {answer.status_code} {answer.text}")
            return answer.is_success

        until(f"{path} is updated", updated, 10)

    def clear(self, path: str, change: Change) -> None:
        """A change, and then nobody has written anything."""
        self.update(path, change, "mallory")
        patch = [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]
        self._kubectl("patch", *_named(self.api.get(path)), "--type=json", "-p", json.dumps(patch))

    def delete(self, path: str, _: Change | None = None) -> None:
        """`kubectl delete`."""
        self._kubectl("delete", *_named(self.api.get(path)), "--wait=false")

    def make_anew(self, path: str, change: Change) -> None:
        """Deletes it, and creates it again with a change."""
        _, after = self._changed(path, change)
        self.api.delete(path)
        for name in ("resourceVersion", "uid", "managedFields"):
            after["metadata"].pop(name, None)
        self.api.create(path.rpartition("/")[0], after)

    def _changed(self, path: str, change: Change) -> tuple[Json, Json]:
        before = self.api.get(path)
        before["metadata"].pop("managedFields", None)
        after = copy.deepcopy(before)
        change(after)
        return before, after

    @staticmethod
    def _kubectl(
        *arguments: str, text: str = "", variables: Mapping[str, str] | None = None, unless: str = "\0"
    ) -> bool:
        """Whether it succeeded; it may fail with a word."""
        done = subprocess.run(
            [KUBECTL, f"--kubeconfig={paths.KUBECONFIG}", f"--cache-dir={tempfile.gettempdir()}/kubectl", *arguments],
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **(variables or {})},
            input=text, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        if done.returncode != 0 and unless not in done.stderr:
            raise LabError(f"kubectl {arguments[:4]}: {done.stdout}{done.stderr}")
        return done.returncode == 0


def merge_patch(before: Any, after: Any) -> Any:
    """The merge patch (RFC 7386) that makes one of the other."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return after
    patch = {key: merge_patch(before.get(key), part) for key, part in after.items() if before.get(key) != part}
    return patch | {key: None for key in before if key not in after}


def _named(live: Json) -> list[str]:
    kind, _, group = live["kind"], "", live["apiVersion"].rpartition("/")[0]
    metadata = live["metadata"]
    place = ["-n", metadata["namespace"]] if metadata.get("namespace") else []
    return [f"{kind.lower()}{f'.{group}' if group else ''}", metadata["name"], *place]
