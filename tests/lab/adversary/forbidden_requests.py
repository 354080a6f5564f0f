"""Requests to the API server that an identity of the closed platform has no right to make, as an attacker would.

Each is METHOD and PATH, with a body where one is needed. Those that would change something are dry runs: were one
allowed, the test fails and the platform stays as it is.
"""

from typing import Any, Final

from tests.lab.adversary.identities import SYSTEM
from tests.lab.adversary.written_pods import BASE, NAMESPACE

Json = dict[str, Any]
Request = tuple[str, str, Json]

DRY: Final = "?dryRun=All"
CORE: Final = f"/api/v1/namespaces/{NAMESPACE}"
HOME: Final = f"/api/v1/namespaces/{BASE}"
VAULT: Final = f"/api/v1/namespaces/{SYSTEM}"  # where the forge's credential lies
RBAC: Final = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
CLUSTER_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
APPS: Final = "/apis/apps/v1/namespaces"
NETWORK: Final = "/apis/networking.k8s.io/v1/namespaces"
ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"

_NAMED: Final[Json] = {"metadata": {"name": "x"}}
_TOKEN: Final[Json] = {"spec": {"audiences": ["registrar"], "expirationSeconds": 600}}
_BINDING: Final[Json] = {
    "metadata": {"name": "x"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": BASE}],
}

# What nobody of the platform may do but its administrator.
ANYBODYS: Final[dict[str, Request]] = {
    "list the secrets beside the credential": ("GET", f"{VAULT}/secrets", {}),
    "watch the secrets of the whole cluster": ("GET", "/api/v1/secrets?watch=true&timeoutSeconds=1", {}),
    "list the secrets of the runners' namespace": ("GET", f"{CORE}/secrets", {}),
    "plant a secret": ("POST", f"{CORE}/secrets{DRY}", _NAMED),
    "plant a token's secret": (
        "POST", f"{HOME}/secrets{DRY}",
        {"metadata": {"name": "x", "annotations": {"kubernetes.io/service-account.name": "deployer"}},
         "type": "kubernetes.io/service-account-token"},
    ),
    "enter the registrar": ("POST", f"{VAULT}/pods/x/exec?command=cat&command=/var/run/x", {}),
    "read the registrar's log": ("GET", f"{VAULT}/pods/x/log", {}),
    "forward a port of the registrar": ("POST", f"{VAULT}/pods/x/portforward", {}),
    "run a pod beside the credential": ("POST", f"{VAULT}/pods{DRY}", _NAMED),
    "replace the registrar": ("PATCH", f"{APPS}/{SYSTEM}/deployments/registrar{DRY}", {"spec": {"replicas": 0}}),
    "end the registrar": ("DELETE", f"{VAULT}/pods{DRY}", {}),
    "rewrite the registrar's grants": ("PATCH", f"{VAULT}/configmaps/x{DRY}", {"data": {}}),
    "redirect pods to another registrar": ("PATCH", f"{CORE}/configmaps/registrar{DRY}", {"data": {"url": "https://x"}}),
    "replace the address of the registrar": ("PUT", f"{CORE}/configmaps/registrar{DRY}", _NAMED),
    "delete the address of the registrar": ("DELETE", f"{CORE}/configmaps/registrar{DRY}", {}),
    "delete all that is configured": ("DELETE", f"{CORE}/configmaps{DRY}", {}),
    "rewrite the cluster's CA": ("PATCH", f"{CORE}/configmaps/kube-root-ca.crt{DRY}", {"data": {"ca.crt": ""}}),
    "give oneself a role": ("POST", f"{RBAC}/rolebindings{DRY}", _BINDING),
    "widen one's role": ("PATCH", f"{RBAC}/roles/deployer-closed{DRY}", {"rules": []}),
    "bind the registrar's role": ("PATCH", f"{RBAC}/rolebindings/registrar{DRY}", {"subjects": []}),
    "become the cluster's administrator": ("POST", f"{CLUSTER_RBAC}/clusterrolebindings{DRY}", _BINDING),
    "make a role of everything": (
        "POST", f"{CLUSTER_RBAC}/clusterroles{DRY}",
        {"metadata": {"name": "x"}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]},
    ),
    "raise the quota": ("PATCH", f"{CORE}/resourcequotas/gpus{DRY}", {"spec": {"hard": {"pods": "9"}}}),
    "delete the quota": ("DELETE", f"{CORE}/resourcequotas/gpus{DRY}", {}),
    "forge the quota's use": ("PATCH", f"{CORE}/resourcequotas/gpus/status{DRY}", {"status": {"used": {}}}),
    "open the network": ("DELETE", f"{NETWORK}/{NAMESPACE}/networkpolicies/deny-all{DRY}", {}),
    "let everything out": (
        "POST", f"{NETWORK}/{NAMESPACE}/networkpolicies{DRY}",
        {"metadata": {"name": "x"}, "spec": {"podSelector": {}, "egress": [{}], "policyTypes": ["Egress"]}},
    ),
    "publish a pod": ("POST", f"{CORE}/services{DRY}", _NAMED),
    "play the registrar's service": ("PATCH", f"{VAULT}/services/registrar{DRY}", {"spec": {"selector": {}}}),
    "point the registrar's service elsewhere": (
        "POST", f"/apis/discovery.k8s.io/v1/namespaces/{SYSTEM}/endpointslices{DRY}", _NAMED,
    ),
    "unbind admission": (
        "DELETE", f"{ADMISSION}/validatingadmissionpolicybindings/{NAMESPACE}-runner-pods{DRY}", {},
    ),
    "loosen admission": (
        "PATCH", f"{ADMISSION}/validatingadmissionpolicies/{NAMESPACE}-runner-pods{DRY}",
        {"spec": {"failurePolicy": "Ignore"}},
    ),
    "watch all that is created": ("POST", f"{ADMISSION}/mutatingwebhookconfigurations{DRY}", _NAMED),
    "loosen pod security": (
        "PATCH", f"{CORE}{DRY}", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
    ),
    "delete the namespace": ("DELETE", f"{CORE}{DRY}", {}),
    "make a namespace of one's own": ("POST", f"/api/v1/namespaces{DRY}", _NAMED),
    "list namespaces": ("GET", "/api/v1/namespaces", {}),
    "make an account": ("POST", f"{CORE}/serviceaccounts{DRY}", _NAMED),
    "ask for the registrar's token": ("POST", f"{VAULT}/serviceaccounts/registrar/token", _TOKEN),
    "ask for a runner's token": ("POST", f"{CORE}/serviceaccounts/runner/token", _TOKEN),
    "ask for the deployer's token": ("POST", f"{HOME}/serviceaccounts/deployer/token", _TOKEN),
    "deploy beside the base runners": ("POST", f"{APPS}/{BASE}/deployments{DRY}", _NAMED),
    "deploy in kube-system": ("POST", f"{APPS}/kube-system/deployments{DRY}", _NAMED),
    "deploy in default": ("POST", f"{APPS}/default/deployments{DRY}", _NAMED),
    "list the pods of the whole cluster": ("GET", "/api/v1/pods", {}),
    "read a neighbour's pods": ("GET", "/api/v1/namespaces/kube-system/pods", {}),
    "make a job": ("POST", f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs{DRY}", _NAMED),
    "make a volume of a node's disk": ("POST", f"/api/v1/persistentvolumes{DRY}", _NAMED),
    "claim a volume": ("POST", f"{CORE}/persistentvolumeclaims{DRY}", _NAMED),
    "taint the node": ("PATCH", f"/api/v1/nodes/lab{DRY}", {"spec": {"unschedulable": True}}),
    "read the node's files through the kubelet": ("GET", "/api/v1/nodes/lab/proxy/logs/", {}),
    "take a priority": ("POST", f"/apis/scheduling.k8s.io/v1/priorityclasses{DRY}", _NAMED),
    "have a certificate signed": ("POST", f"/apis/certificates.k8s.io/v1/certificatesigningrequests{DRY}", _NAMED),
    "add a kind of objects": ("POST", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions{DRY}", _NAMED),
    "stand in for an API": ("POST", f"/apis/apiregistration.k8s.io/v1/apiservices{DRY}", _NAMED),
    "check somebody's token": ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "x"}}),
    "ask what others may": ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": {"user": "x"}}),
    "forge an event": ("POST", f"{CORE}/events{DRY}", _NAMED),
    "hold a lease": ("POST", f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases{DRY}", _NAMED),
    "claim a device": ("POST", f"/apis/resource.k8s.io/v1/namespaces/{NAMESPACE}/resourceclaims{DRY}", _NAMED),
}  # fmt: skip

# What a deployer may not do in the very namespace in which he deploys, beside what test_pods tries on pods.
DEPLOYERS: Final[dict[str, Request]] = {
    "make a ReplicaSet past the Deployment": ("POST", f"{APPS}/{NAMESPACE}/replicasets{DRY}", _NAMED),
    "forge a Deployment's status": (
        "PATCH", f"{APPS}/{NAMESPACE}/deployments/x/status{DRY}", {"status": {"readyReplicas": 9}},
    ),
    "scale past the Deployment": ("PATCH", f"{APPS}/{NAMESPACE}/deployments/x/scale{DRY}", {"spec": {"replicas": 9}}),
    "delete all Deployments at once": ("DELETE", f"{APPS}/{NAMESPACE}/deployments{DRY}", {}),
    "rewrite another stack's list of pools": ("PATCH", f"{CORE}/configmaps/pools-other{DRY}", {"data": {}}),
    "read a runner's log": ("GET", f"{CORE}/pods/x/log", {}),
    "read the roster of the registrar": ("GET", f"{VAULT}/services/https:registrar:8444/proxy/runners", {}),
}  # fmt: skip

# What a previewer, as whom code of a pull request may run, may not do where he reads.
PREVIEWERS: Final[dict[str, Request]] = {
    "deploy": ("POST", f"{APPS}/{NAMESPACE}/deployments{DRY}", _NAMED),
    "change a pool": ("PATCH", f"{APPS}/{NAMESPACE}/deployments/x{DRY}", {"spec": {"replicas": 0}}),
    "scale a pool": ("PATCH", f"{APPS}/{NAMESPACE}/deployments/x/scale{DRY}", {"spec": {"replicas": 0}}),
    "delete a pool": ("DELETE", f"{APPS}/{NAMESPACE}/deployments/x{DRY}", {}),
    "delete a pod": ("DELETE", f"{CORE}/pods/x{DRY}", {}),
    "evict a pod": ("POST", f"{CORE}/pods/x/eviction", {}),
    "enter a pod": ("POST", f"{CORE}/pods/x/exec?command=id", {}),
    "attach to a pod": ("GET", f"{CORE}/pods/x/attach", {}),
    "reach a pod through the API server": ("GET", f"{CORE}/pods/x/proxy/", {}),
    "read a runner's log": ("GET", f"{CORE}/pods/x/log", {}),
    "write a ConfigMap": ("POST", f"{CORE}/configmaps{DRY}", _NAMED),
    "register through the API server": ("POST", f"{VAULT}/services/https:registrar:8443/proxy/registrations", {}),
    "register through the port that only looks": (
        "POST", f"{VAULT}/services/https:registrar:8444/proxy/registrations", {},
    ),
    "reach another port of the registrar": ("GET", f"{VAULT}/services/https:registrar:8443/proxy/metrics", {}),
    "reach another service": ("GET", "/api/v1/namespaces/default/services/https:kubernetes:443/proxy/", {}),
    "read the pods beside the credential": ("GET", f"{VAULT}/pods", {}),
}  # fmt: skip
