"""Every field that the API server's own schema gives a pod is one that the program writes, or is refused by name.

Walks the schema of the running cluster beside the shape that the policies are made of, and really tries each field
that the shape does not name. A field of a new version of Kubernetes is tried like any other; where no value can be
made up that the API server accepts, this fails and asks for one.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from components.platform.admission.grants import AdmissionGrants
from components.platform.admission.pod_shape import pod_shape, template_shape
from components.platform.admission.shape import Each, Entries, Fields, Node
from lab.trial.kubernetes import Json, KubernetesApi
from tests.lab.adversary.test_pods import DRY, REFUSED
from tests.lab.adversary.written_pods import BASE, WRITTEN_BASE, deployment, pod
from values.pod_extras import no_extras

SCHEMA = "/openapi/v3/api/v1"
CORE = "io.k8s.api.core.v1"
META = "io.k8s.apimachinery.pkg.apis.meta.v1"
# As tests/lab/stacks/closed.yaml grants it; only the names of fields count here.
GRANTS: AdmissionGrants = {
    "namespace": BASE,
    "accounts": ["runner"],
    "job_credentials": True,
    "images": ["lab.local/"],
    "image_tags_allowed": True,
    "labels": ["self-hosted"],
    "reserved_labels": [],
    "gpus": {"nvidia.com/gpu": 0},
    "protect_job_seconds": 432000,
    "ephemeral_storage": "2Ti",
    "extras": no_extras(),
}
HANDLER: Json = {"exec": {"command": ["x"]}}
# Values for fields for which none can be made up from the schema, by the end of their path.
SAMPLES: dict[str, Any] = {
    "metadata.finalizers": ["a.b/c"],
    "env.valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
    "envFrom": [{"configMapRef": {"name": "x"}}],
    "lifecycle": {"preStop": HANDLER},
    "postStart": HANDLER,
    "Probe": HANDLER,
    "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}],
    "containers.resources.claims": [{"name": "c"}],
    "initContainers.resources.claims": [{"name": "c"}],
    "resourceClaims": [{"name": "c", "resourceClaimName": "c"}],
    "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}],
    "initContainers.restartPolicy": "Always",
    "appArmorProfile": {"type": "Unconfined"},
    "containers.securityContext.seccompProfile": {"type": "Unconfined"},
    "initContainers.securityContext.seccompProfile": {"type": "Unconfined"},
    "procMount": "Default",
    "localhostProfile": "x",
    "mountPropagation": "None",
    "recursiveReadOnly": "Disabled",
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["x"]}],
    "spec.os": {"name": "linux"},
    "spec.overhead": {"cpu": "1"},
    "preemptionPolicy": "Never",
    "seLinuxChangePolicy": "Recursive",
    "supplementalGroupsPolicy": "Merge",
    "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "x", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
    ],
    "schedulingGates": [{"name": "a.b/c"}],
    "spec.resources": {"limits": {"cpu": "1"}},
    "priorityClassName": "system-node-critical",
    "httpGet": {"port": 80},
    "tcpSocket": {"port": 80},
    "volumes.azureDisk": {"diskName": "x", "diskURI": "https://x.blob.core.windows.net/x.vhd"},
    "volumes.ephemeral": {
        "volumeClaimTemplate": {
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        }
    },
    "volumes.fc": {"targetWWNs": ["x"], "lun": 1},
    "volumes.flocker": {"datasetName": "x"},
    "volumes.image": {"reference": "x"},
    "volumes.iscsi": {"targetPortal": "10.0.0.1", "iqn": "iqn.2001-04.com.example:x", "lun": 0},
    "volumes.nfs": {"server": "x", "path": "/x"},
    "volumes.quobyte": {"registry": "x:1", "volume": "x"},
    "volumes.scaleIO": {"gateway": "https://x", "system": "x", "volumeName": "x", "secretRef": {"name": "x"}},
    "volumes.secret": {"secretName": "x"},
    "volumes.storageos": {"volumeName": "x"},
    "sources.secret": {"name": "x"},
    "resourceFieldRef": {"containerName": "runner", "resource": "limits.memory"},
}
# What a field cannot be without, in the same object.
COMPANIONS: dict[str, Json] = {
    "initContainers.lifecycle": {"restartPolicy": "Always"},
    "initContainers.livenessProbe": {"restartPolicy": "Always"},
    "initContainers.readinessProbe": {"restartPolicy": "Always"},
    "initContainers.startupProbe": {"restartPolicy": "Always"},
    "initContainers.restartPolicyRules": {"restartPolicy": "Never"},
    "localhostProfile": {"type": "Localhost"},
}
# The same, elsewhere in the pod.
COMPANIONS_IN_THE_POD: dict[str, Json] = {
    "resources.claims": {"resourceClaims": [{"name": "c", "resourceClaimName": "c"}]},
    "volumeDevices": {"volumes": [{"name": "x", "persistentVolumeClaim": {"claimName": "x"}}]},
}
# Objects, and fields, that exclude the fields beside them; these stay.
UNIONS: dict[str, tuple[str, ...]] = {
    "spec.volumes": ("name",),
    "preStop": (),
    "projected.sources": (),
    "env": ("name",),
    "items.resourceFieldRef": ("path",),
}
# Fields that the API server takes back before anybody is asked: its own, and those of features that are switched off.
DROPPED = {
    "metadata.deletionGracePeriodSeconds",
    "metadata.deletionTimestamp",
    "metadata.selfLink",
    "spec.containers.lifecycle.stopSignal",
    "spec.schedulingGroup",
    "spec.volumes.projected.sources.clusterTrustBundle",
    "spec.volumes.projected.sources.podCertificate",
}
# Fields that the API server itself refuses, whatever their value, in a pod template or in a new pod.
REFUSED_BY_ITSELF = {
    "pool": {"spec.activeDeadlineSeconds", "spec.ephemeralContainers"},
    "pod": {"spec.ephemeralContainers", "spec.overhead", "spec.runtimeClassName"},
}


@dataclass(frozen=True)
class Foreign:
    """A field that the shape does not name: where it is, and what the schema says of it."""

    path: tuple[str, ...]
    schema: Json

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True)
class Schema:
    """The schema of an API group."""

    definitions: dict[str, Json]

    def resolved(self, schema: Json) -> Json:
        """A schema itself, where only its name is given."""
        for part in (schema, *schema.get("allOf", ())):
            if "$ref" in part:
                return self.definitions[part["$ref"].rpartition("/")[2]]
        return schema

    def foreign(self, node: Node, schema: Json, path: tuple[str, ...]) -> Iterator[Foreign]:
        """The fields that the schema knows and the shape does not; fields that only the shape knows are an error."""
        if isinstance(node, Each):
            yield from self.foreign(node.item, self.resolved(schema)["items"], path)
        elif isinstance(node, Fields):
            known = self.resolved(schema)["properties"]
            assert set(node.fields) <= set(known), f"{'.'.join(path)}: the schema does not know all of {node.fields}"
            for name, field in known.items():
                if name in node.fields:
                    yield from self.foreign(node.fields[name], field, (*path, name))
                else:
                    yield Foreign((*path, name), field)
        elif isinstance(node, Entries):
            assert "additionalProperties" in self.resolved(schema), path

    def sample(self, schema: Json, path: str) -> Any:
        """Some value of this schema."""
        for end, value in SAMPLES.items():
            if path.endswith(end):
                return copy.deepcopy(value)
        schema = self.resolved(schema)
        match schema.get("type"):
            case "string":
                return "2026-01-01T00:00:00Z" if schema.get("format") == "date-time" else "x"
            case "integer":
                return 1
            case "boolean":
                return True
            case "array":
                return [self.sample(schema["items"], f"{path}[]")]
            case _ if "properties" in schema:
                required = schema.get("required", ())
                return {name: self.sample(schema["properties"][name], f"{path}.{name}") for name in required}
            case _ if "additionalProperties" in schema:
                return {"x": self.sample(schema["additionalProperties"], f"{path}.x")}
        return "1"  # a quantity


@pytest.fixture(scope="module")
def schema(api: KubernetesApi) -> Schema:
    """What the running API server says of its core group."""
    return Schema(api.get(SCHEMA)["components"]["schemas"])


def holders(template: Json, path: tuple[str, ...]) -> Iterator[Json]:
    """The objects of a template that have the field at a path; of a list's items those that lead further."""
    if len(path) == 1:
        yield template
        return
    below = template.get(path[0])
    for item in below if isinstance(below, list) else [below]:
        if isinstance(item, dict):
            yield from holders(item, path[1:])


def with_field(template: Json, foreign: Foreign, value: Any) -> bool:
    """Sets a field where the template has a place for it; False where it has none."""
    holder = next(holders(template, foreign.path), None)
    if holder is None:
        return False
    parent = ".".join(foreign.path[:-1])
    for union, kept in UNIONS.items():
        if parent.endswith(union) or str(foreign).endswith(union):
            for name in set(holder) - set(kept):
                del holder[name]
    holder[foreign.path[-1]] = value
    for end, companions in COMPANIONS.items():
        if str(foreign).endswith(end):
            holder.update(companions)
    for end, companions in COMPANIONS_IN_THE_POD.items():
        if str(foreign).endswith(end):
            for name, companion in companions.items():
                before = template["spec"].get(name)
                template["spec"][name] = [*before, *companion] if isinstance(before, list) else companion
    return True


def with_template(written: Json, template: Json) -> Json:
    """A Deployment of another pod."""
    return {**written, "spec": {**written["spec"], "template": template}}


def verdict(status: int, message: str, foreign: Foreign, answer: Json) -> str:
    """What became of a try, in a word."""
    if status == 201:
        template = answer["spec"]["template"] if answer.get("kind") == "Deployment" else answer
        holder = next(holders(template, foreign.path), {})
        return "dropped" if foreign.path[-1] not in holder else "ADMITTED"
    if REFUSED in message:
        if str(foreign) in DROPPED and foreign.path[-2] in message:
            return "dropped"  # and what held it was refused for being empty
        return "refused" if foreign.path[-1] in message else f"refused for another field: {message}"
    return "refused by Pod Security" if "PodSecurity" in message else f"no sample: {message}"


@pytest.mark.parametrize("of", ["pool", "pod"])
def test_every_field_of_the_schema_is_known_or_refused(
    api: KubernetesApi, closed: None, schema: Schema, of: str
) -> None:
    shape = pod_shape(GRANTS) if of == "pod" else template_shape(GRANTS)
    fields = [
        *schema.foreign(shape.metadata, schema.definitions[f"{META}.ObjectMeta"], ("metadata",)),
        *schema.foreign(shape.spec, schema.definitions[f"{CORE}.PodSpec"], ("spec",)),
    ]
    # A base runner's at GitHub, for it has the most kinds of fields.
    written = deployment(**WRITTEN_BASE["deployer at GitHub"])
    found: dict[str, str] = {}
    for foreign in fields:
        value = schema.sample(foreign.schema, str(foreign))
        hostile = pod(written) if of == "pod" else written["spec"]["template"]
        hostile = copy.deepcopy(hostile)
        if not with_field(hostile, foreign, value):
            found[str(foreign)] = "no place"
            continue
        made = hostile if of == "pod" else with_template(written, hostile)
        path = f"/api/v1/namespaces/{BASE}/pods" if of == "pod" else f"/apis/apps/v1/namespaces/{BASE}/deployments"
        answer = api.attempt("POST", path + DRY, made)
        found[str(foreign)] = verdict(answer.status_code, answer.text, foreign, answer.json())
    assert len(found) > 100
    fine = {"refused", "refused by Pod Security"}
    wrong = {name: what for name, what in found.items() if what not in fine}
    wrong = {name: what for name, what in wrong.items() if what != "dropped" or name not in DROPPED}
    wrong = {name: what for name, what in wrong.items() if name not in REFUSED_BY_ITSELF[of] or what == "ADMITTED"}
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
