"""A rival's Deployment is the same as ours: only the names of fields differ."""

from bench.manifest import deployment_manifest, in_wire_names
from lab.trial.pools import IMAGE


def test_fields_get_their_names_on_the_wire_and_values_stay() -> None:
    declared = {
        "match_labels": {"gpu-runners/pool": "a_b"},
        "lifecycle": {"pre_stop": {"exec_": {"command": ["/bin/sh", "-c", "echo $A_B"]}}},
        "env": [{"name": "HOME_FOLDER", "value": "x"}],
        "replicas": 1,
        "host_pid": False,
    }
    assert in_wire_names(declared) == {
        "matchLabels": {"gpu-runners/pool": "a_b"},
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", "echo $A_B"]}}},
        "env": [{"name": "HOME_FOLDER", "value": "x"}],
        "replicas": 1,
        "hostPID": False,
    }


def test_a_manifest_is_a_deployment_of_the_pool() -> None:
    declared = {"name": "a", "namespace": "n", "labels": {"l": "v"}, "spec": {"min_ready_seconds": 0, "image": IMAGE}}
    assert deployment_manifest(declared) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "n", "labels": {"l": "v"}},
        "spec": {"minReadySeconds": 0, "image": IMAGE},
    }
