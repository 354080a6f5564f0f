"""What a platform grants the autoscaler of an environment's pools: a way, an identity, and nothing else."""

import base64
import json
import ssl
from typing import Any

from components.platform.admission.policies import policies
from components.platform.admission.scaled_object_shape import scaled_object_shape
from components.platform.client_certificate import issue_client_certificate
from components.platform.deployer import deployer_rules
from components.platform.network_policies import registrar_traffic
from components.pools.scaled_object import scaled_object_spec
from registrar.settings import parse
from tests.components.platform.test_registrar import registrar
from tests.components.platform.test_runner_admission import GRANTS, unknown
from tests.program.recorded import Program

QUEUE = "https://registrar.gpu-runners-system.svc:8445/queue"
GRANT = {"namespace": "dev", "scope": "mlops/guide", "service_accounts": ["runner"], "autoscaler": "keda"}


def granted() -> Program:
    return registrar(grants=[GRANT])


def test_keda_shows_a_certificate_that_the_registrar_was_told_of() -> None:
    program = granted()
    (secret,) = program.of("Secret", "dev")
    (config,) = program.of("ConfigMap", "gpu-runners-system")
    document = json.loads(config.inputs["data"]["config.json"])
    shown = base64.b64decode(secret.inputs["data"]["tls.crt"]).decode()
    assert document["grants"][0]["autoscaler"] == shown
    (grant,) = parse({**document, "forge": {**document["forge"], "url": "https://forge.invalid"}}).grants
    assert ssl.PEM_cert_to_DER_cert(grant.autoscaler) == ssl.PEM_cert_to_DER_cert(shown)


def test_keda_reads_the_certificate_and_the_registrars_ca_where_the_platform_put_them() -> None:
    spec = granted().one("TriggerAuthentication", "registrar", "dev").inputs["spec"]
    assert spec["configMapTargetRef"] == [{"parameter": "ca", "name": "registrar", "key": "ca.crt"}]
    assert {(it["parameter"], it["key"]) for it in spec["secretTargetRef"]} == {("cert", "tls.crt"), ("key", "tls.key")}


def test_pools_find_where_the_queue_is_only_where_it_is_granted() -> None:
    assert granted().one("ConfigMap", "registrar", "dev").inputs["data"]["queue"] == QUEUE
    assert "queue" not in registrar().one("ConfigMap", "registrar", "dev").inputs["data"]
    assert registrar().of("TriggerAuthentication") == []


def test_the_queues_port_is_a_ports_own_and_for_the_autoscalers_namespace_alone() -> None:
    ports = {port["name"] for port in granted().one("Service", "registrar").inputs["spec"]["ports"]}
    assert ports == {"https", "status", "queue"}
    assert len(registrar().one("Service", "registrar").inputs["spec"]["ports"]) == 2
    spec: Any = registrar_traffic({8443: ["dev"], 8445: ["keda"]}, [], [], [], [])
    ways = {way["ports"][0]["port"]: way["from_"] for way in spec["ingress"]}
    assert ways[8445] == [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "keda"}}}]


def test_a_certificate_signs_no_other() -> None:
    made = issue_client_certificate("autoscaler of dev")
    assert ssl.PEM_cert_to_DER_cert(made.certificate)
    assert made.certificate != issue_client_certificate("autoscaler of dev").certificate


def test_a_deployer_scales_only_where_that_is_granted() -> None:
    def groups(*, autoscaled: bool) -> set[str]:
        return {group for rule in deployer_rules("dev", autoscaled=autoscaled) for group in rule["api_groups"]}

    assert "keda.sh" not in groups(autoscaled=False)
    assert "keda.sh" in groups(autoscaled=True)


def test_a_scaled_object_is_judged_where_one_may_be() -> None:
    suffixes = [policy.suffix for policy in policies({**GRANTS, "queue_url": QUEUE})]
    assert suffixes[-1] == "runner-autoscaling"
    assert "runner-autoscaling" not in [policy.suffix for policy in policies(GRANTS)]


def test_what_the_program_writes_is_what_admission_lets_in() -> None:
    spec = scaled_object_spec("cuda", {"min": 0, "max": 4, "idle_seconds": 60}, f"{QUEUE}/dev/cuda")
    shape = scaled_object_shape("dev", QUEUE)
    assert list(unknown(shape, spec, "spec")) == []
    strange = {**spec, "fallback": {"replicas": 9}, "triggers": [{**spec["triggers"][0], "name": "x"}]}
    assert list(unknown(shape, strange, "spec")) == ["spec.fallback", "spec.triggers[].name"]
