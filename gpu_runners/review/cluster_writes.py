"""What a repair writes to the API server: each request holds for one object in one version, and can be tried first.

Every method raises ClusterError, a ClusterRefusedError of 409 or 422 where the object is not what was said. `is_trial`
asks what would come of it (a server-side dry run: admission judges, nothing is stored).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from access.cluster.connection import ClusterConnection
from gpu_runners.review.cluster import ClusterObjects
from gpu_runners.review.core.evidence import Key, key_of
from gpu_runners.review.core.findings import ObjectName

Json = Mapping[str, Any]

_APPLY: Final = "application/apply-patch+yaml"
_PATCH: Final = "application/json-patch+json"
_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_WHOLE: Final = "application/json"


class ClusterWrites:
    """The objects of the cluster behind a connection. Of Secrets nothing but metadata comes back."""

    def __init__(self, cluster: ClusterConnection) -> None:
        self._cluster, self._objects = cluster, ClusterObjects(cluster)

    def find(self, name: ObjectName) -> dict[str, Any] | None:
        """One object, None where it is gone."""
        return self._cluster.find(self._objects.path(name), accept=_accepted(name))

    def autoscaled(self, namespaces: Iterable[str]) -> frozenset[Key]:
        """What a HorizontalPodAutoscaler, KEDA's too, sets the replicas of. Nobody's word but the API server's."""
        found: set[Key] = set()
        for namespace in namespaces:
            for item in self._cluster.items(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"):
                target = (item.get("spec") or {}).get("scaleTargetRef") or {}
                metadata = {"namespace": namespace, "name": target.get("name", "")}
                found.add(key_of({**target, "metadata": metadata}))
        return frozenset(found)

    def apply(
        self, name: ObjectName, declared: Json, manager: str, *, seen: Json | None, is_trial: bool
    ) -> dict[str, Any]:
        """Server-side apply as the manager that Pulumi is, of an object in the version that was seen.

        Without `seen` it is made, and nothing that another manager wrote into one that is there is taken from it.
        """
        body = {**declared, "metadata": {**(declared.get("metadata") or {}), **(_version(seen) if seen else {})}}
        parameters = {"fieldManager": manager, "force": "true" if seen else "false", **_trial(is_trial=is_trial)}
        return self._cluster.send(
            "PATCH",
            self._objects.path(name),
            body=json.dumps(body),
            content_type=_APPLY,
            accept=_accepted(name),
            parameters=parameters,
        )

    def patch(
        self, name: ObjectName, operations: Sequence[Json], manager: str, *, seen: Json, is_trial: bool
    ) -> dict[str, Any]:
        """A JSON patch of an object in the version that was seen."""
        # Replaced and not tested: the server refuses an object of another version as a conflict (409), and a test that
        # fails as invalid (422).
        versions = [
            {"op": "replace", "path": f"/metadata/{field}", "value": value} for field, value in _version(seen).items()
        ]
        return self._cluster.send(
            "PATCH",
            self._objects.path(name),
            body=json.dumps([*versions, *operations]),
            content_type=_PATCH,
            accept=_accepted(name),
            parameters={"fieldManager": manager, **_trial(is_trial=is_trial)},
        )

    def delete(self, name: ObjectName, *, seen: Json, is_trial: bool) -> None:
        """Deletes an object in the version that was seen, and what hangs on it in the background."""
        options = {"preconditions": _version(seen), "propagationPolicy": "Background"}
        if is_trial:
            options["dryRun"] = ["All"]
        body = json.dumps({"kind": "DeleteOptions", "apiVersion": "v1", **options})
        self._cluster.send("DELETE", self._objects.path(name), body=body)


def _version(seen: Json) -> dict[str, str]:
    metadata = seen["metadata"]
    return {"uid": str(metadata["uid"]), "resourceVersion": str(metadata["resourceVersion"])}


def _trial(*, is_trial: bool) -> dict[str, str]:
    return {"dryRun": "All"} if is_trial else {}


def _accepted(name: ObjectName) -> str:
    return _METADATA if name.kind == "Secret" else _WHOLE
