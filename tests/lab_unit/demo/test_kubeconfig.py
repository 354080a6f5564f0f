import json

import yaml

from lab.demo import kubeconfig

ADMINISTRATORS = {
    "clusters": [
        {"name": "lab", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": "Y2E="}}
    ],
    "users": [{"name": "admin", "user": {"client-key-data": "very secret"}}],
}


def test_the_deployers_kubeconfig_has_the_cluster_and_a_token_and_nothing_of_the_administrator() -> None:
    text = kubeconfig.with_token(json.dumps(ADMINISTRATORS), "short-lived")
    config = yaml.safe_load(text)
    assert config["clusters"] == ADMINISTRATORS["clusters"]
    assert config["users"] == [{"name": "deployer", "user": {"token": "short-lived"}}]
    assert config["current-context"] == "lab"
    assert "very secret" not in text
