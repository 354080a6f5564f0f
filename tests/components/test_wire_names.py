"""Fields have their names on the wire; what people call their own things stays as it is."""

from components.wire_names import in_wire_names


def test_fields_get_their_names_on_the_wire_and_values_stay() -> None:
    declared = {
        "match_labels": {"gpu-runners/pool": "a_b"},
        "lifecycle": {"pre_stop": {"exec_": {"command": ["/bin/sh", "-c", "echo $A_B"]}}},
        "env": [{"name": "HOME_FOLDER", "value": "x"}],
        "replicas": 1,
        "host_pid": False,
        "downward_api": {"items": []},
        "node_selector": {"my_rack": "r_1"},
    }
    assert in_wire_names(declared) == {
        "matchLabels": {"gpu-runners/pool": "a_b"},
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", "echo $A_B"]}}},
        "env": [{"name": "HOME_FOLDER", "value": "x"}],
        "replicas": 1,
        "hostPID": False,
        "downwardAPI": {"items": []},
        "nodeSelector": {"my_rack": "r_1"},
    }
