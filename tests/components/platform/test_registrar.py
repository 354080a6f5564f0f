"""Every claim about the registrar's objects and its certificate."""

import base64
import json
import ssl
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from components.platform.forge_credential import ForgeCredential, GitHubApp
from components.platform.registrar import Registrar, RegistrarArgs
from components.platform.serving_certificate import issue_serving_certificate
from tests.program.recorded import Program, Secret, run
from values.contract import APP_ID_FILE, APP_KEY_FILE, CONFIG_PATH, CREDENTIAL_PATH, REGISTRAR_PORT, TRUST_CONFIG_MAP

ARGS: RegistrarArgs = {
    "namespace": "gpu-runners-system",
    "image": "registry.example.com/registrar@sha256:" + "0" * 64,
    "forge_kind": "gitea",
    "forge_url": "http://10.85.0.1:3000",
    "credential_secret": "credential-1",
    "grants": [{"namespace": "dev", "scope": "mlops/guide", "service_accounts": ["runner"]}],
    "clients": ["monitoring"],
    "forge_egress": [{"cidr": "10.85.0.1/32", "ports": [3000]}],
    "api_server": [{"cidr": "10.0.1.12/32", "ports": [443]}, {"cidr": "10.96.0.1/32", "ports": [443]}],
    "dns_cidrs": ["10.0.0.0/8"],
    "deadlines": {
        "schedule_seconds": 300,
        "pull_seconds": 600,
        "online_seconds": 60,
        "lost_seconds": 90,
        "ghost_seconds": 900,
    },
    "keep_failed": 3,
    "certificate_generation": 1,
}


def registrar(**changes: Any) -> Program:
    args: Any = {**ARGS, **changes}
    return run(lambda: Registrar("registrar", args))


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = registrar().one("Deployment", "registrar").inputs["spec"]["template"]["spec"]
    return spec


def test_the_registrars_image_is_pulled_with_the_secrets_that_are_named() -> None:
    deployment = registrar(pull_secrets=["registry"]).one("Deployment", "registrar")
    assert deployment.inputs["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert "imagePullSecrets" not in pod()


def test_the_registrar_fits_linux_nodes_alone() -> None:
    assert pod()["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_there_are_never_two_registrars() -> None:
    spec = registrar().one("Deployment", "registrar").inputs["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_the_registrars_rights_are_exactly_those_of_the_contract() -> None:
    program = registrar()
    role = program.one("Role", "registrar", "dev")
    assert role.inputs["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "delete"]},
        {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
    ]
    assert program.of("ClusterRole") == program.of("ClusterRoleBinding") == []
    assert {role.namespace for role in program.of("Role")} == {"dev"}


def test_the_registrar_reads_what_the_program_writes() -> None:
    (config,) = registrar().of("ConfigMap", "gpu-runners-system")
    assert json.loads(config.inputs["data"]["config.json"]) == {
        "forge": {"kind": "gitea", "url": "http://10.85.0.1:3000"},
        "grants": [{"namespace": "dev", "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None}],
        "deadlines": {
            "scheduleSeconds": 300,
            "pullSeconds": 600,
            "onlineSeconds": 60,
            "lostSeconds": 90,
            "ghostSeconds": 900,
        },
        "keepFailed": 3,
    }


def test_the_registrar_is_told_which_labels_a_namespace_may_have() -> None:
    grant = {"namespace": "dev", "scope": "mlops/guide", "service_accounts": ["runner"], "labels": ["gpu", "a100"]}
    (config,) = registrar(grants=[grant]).of("ConfigMap", "gpu-runners-system")
    assert json.loads(config.inputs["data"]["config.json"])["grants"][0]["labels"] == ["gpu", "a100"]


def test_a_changed_config_is_another_object_so_that_the_registrar_rolls() -> None:
    (config,) = registrar().of("ConfigMap", "gpu-runners-system")
    assert config.inputs["immutable"] is True
    assert config.object_name is None
    assert pod()["volumes"][0]["configMap"]["name"].startswith("registrar-config-")


def test_everything_is_mounted_where_the_registrar_looks() -> None:
    (container,) = pod()["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert f"{mounts['config']}/config.json" == CONFIG_PATH
    assert f"{mounts['credential']}/token" == CREDENTIAL_PATH
    assert pod()["volumes"][1]["secret"]["secretName"] == "credential-1"


def test_the_registrar_is_asked_for_its_health_over_tls() -> None:
    (container,) = pod()["containers"]
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "status", "scheme": "HTTPS"}


def test_the_registrars_root_is_read_only() -> None:
    (container,) = pod()["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_certificate_once_made_is_kept() -> None:
    (secret,) = registrar().of("Secret")
    assert secret.ignored == ("data", "stringData")
    assert secret.inputs["immutable"] is True
    assert isinstance(secret.inputs["data"]["tls.key"], Secret)


def test_another_generation_or_host_is_another_certificate() -> None:
    names = {
        registrar(**change).of("Secret")[0].name for change in ({}, {"certificate_generation": 2}, {"namespace": "x"})
    }
    assert len(names) == 3


def test_pods_trust_the_ca_that_is_in_the_secret() -> None:
    program = registrar()
    trust = program.one("ConfigMap", TRUST_CONFIG_MAP, "dev").inputs["data"]
    (secret,) = program.of("Secret")
    assert trust["ca.crt"] == base64.b64decode(secret.inputs["data"]["ca.crt"]).decode()
    assert not isinstance(trust["ca.crt"], Secret)
    assert trust["url"] == f"https://registrar.gpu-runners-system.svc:{REGISTRAR_PORT}"
    assert trust["forge"] == "gitea"


def test_the_registrars_traffic_is_what_it_was_given() -> None:
    spec = registrar().one("NetworkPolicy", "traffic").inputs["spec"]
    asked = {peer["ipBlock"]["cidr"] for way in spec["egress"][1:] for peer in way["to"]}
    assert asked == {"10.0.1.12/32", "10.96.0.1/32", "10.85.0.1/32"}
    names = [
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for way in spec["ingress"]
        for peer in way["from"]
        if "namespaceSelector" in peer
    ]
    assert names == ["dev", "monitoring"]


def test_the_certificate_is_for_one_host_and_verifies_against_its_ca() -> None:
    made = issue_serving_certificate("registrar.system.svc", datetime(2026, 1, 1, tzinfo=UTC))
    certificate = x509.load_pem_x509_certificate(made.certificate.encode())
    ca = x509.load_pem_x509_certificate(made.ca.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["registrar.system.svc"]
    certificate.verify_directly_issued_by(ca)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    ssl.create_default_context(cadata=made.ca)


def test_github_is_asked_at_its_api() -> None:
    (config,) = registrar(forge_kind="github", forge_url="https://github.com").of("ConfigMap", "gpu-runners-system")
    forge = json.loads(config.inputs["data"]["config.json"])["forge"]
    assert forge == {"kind": "github", "url": "https://api.github.com"}


def test_a_forges_own_ca_goes_to_the_registrar_and_to_the_pods() -> None:
    program = registrar(forge_kind="github", forge_url="https://github.example.com", forge_ca="PEM")
    (config,) = program.of("ConfigMap", "gpu-runners-system")
    assert json.loads(config.inputs["data"]["config.json"])["forge"]["ca"] == "PEM"
    assert program.one("ConfigMap", TRUST_CONFIG_MAP, "dev").inputs["data"]["forge-ca.crt"] == "PEM"
    assert "forge-ca.crt" not in registrar().one("ConfigMap", TRUST_CONFIG_MAP, "dev").inputs["data"]


def test_an_apps_files_are_where_the_registrar_looks_for_them() -> None:
    app: GitHubApp = {"app_id": "4711", "private_key": "key"}
    program = run(lambda: ForgeCredential("credential", {"namespace": "system", "app": app}))
    (secret,) = program.of("Secret")
    assert secret.inputs["stringData"] == {APP_ID_FILE: "4711", APP_KEY_FILE: Secret("key")}
