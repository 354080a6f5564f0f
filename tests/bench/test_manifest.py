"""A rival's Deployment is the same as ours: only the names of fields differ."""

from bench.manifest import deployment_manifest
from lab.trial.pools import IMAGE


def test_a_manifest_is_a_deployment_of_the_pool() -> None:
    declared = {"name": "a", "namespace": "n", "labels": {"l": "v"}, "spec": {"min_ready_seconds": 0, "image": IMAGE}}
    assert deployment_manifest(declared) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "n", "labels": {"l": "v"}},
        "spec": {"minReadySeconds": 0, "image": IMAGE},
    }
