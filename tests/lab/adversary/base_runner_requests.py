"""What job code on a base runner asks for, to be more than a runner. Every request is refused."""

from pathlib import Path
from typing import Any, Final

SCRIPT: Final = Path(__file__).with_name("base_runner_tries.py").read_text()
BASE, RUNNERS, SYSTEM = "gpu-runners-reach-base", "gpu-runners-reach", "gpu-runners-reach-system"
CORE, APPS, RBAC = "/api/v1/namespaces", "/apis/apps/v1/namespaces", "/apis/rbac.authorization.k8s.io/v1"
NETWORK: Final = "/apis/networking.k8s.io/v1/namespaces"
ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"
DRY: Final = "?dryRun=All"
NAMED: Final = {"metadata": {"name": "x"}}
AUDIENCES: Final = {"spec": {"audiences": ["https://kubernetes.default.svc"], "expirationSeconds": 600}}
POD: Final = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "x", "image": "lab.local/pulumi:lab"}]}}
ADMIN: Final = {
    "metadata": {"name": "x"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": BASE}],
}

TRIES: Final[dict[str, tuple[str, str, Any]]] = {
    "read the forge's credential": ("GET", f"{CORE}/{SYSTEM}/secrets", {}),
    "read secrets beside itself": ("GET", f"{CORE}/{BASE}/secrets", {}),
    "read secrets where it deploys": ("GET", f"{CORE}/{RUNNERS}/secrets", {}),
    "read all secrets": ("GET", "/api/v1/secrets", {}),
    "read the registrar's settings": ("GET", f"{CORE}/{SYSTEM}/configmaps", {}),
    "read the registrar's log": ("GET", f"{CORE}/{SYSTEM}/pods", {}),
    "be the registrar": ("POST", f"{CORE}/{SYSTEM}/serviceaccounts/registrar/token", AUDIENCES),
    "be the deployer for longer": ("POST", f"{CORE}/{BASE}/serviceaccounts/deployer/token", AUDIENCES),
    "be a runner": ("POST", f"{CORE}/{RUNNERS}/serviceaccounts/runner/token", AUDIENCES),
    "become administrator": ("POST", f"{RBAC}/clusterrolebindings{DRY}", ADMIN),
    "become administrator of a namespace": ("POST", f"{RBAC}/namespaces/{RUNNERS}/rolebindings{DRY}", ADMIN),
    "give its role more": ("PATCH", f"{RBAC}/namespaces/{RUNNERS}/roles/deployer-reach{DRY}", {"rules": []}),
    "start a pod beside itself": ("POST", f"{CORE}/{BASE}/pods{DRY}", POD),
    "start a pod where it deploys": ("POST", f"{CORE}/{RUNNERS}/pods{DRY}", POD),
    "start a pod in kube-system": ("POST", f"{CORE}/kube-system/pods{DRY}", POD),
    "change its own pool": ("PATCH", f"{APPS}/{BASE}/deployments/base{DRY}", {"spec": {"replicas": 9}}),
    "change the registrar": ("PATCH", f"{APPS}/{SYSTEM}/deployments/registrar{DRY}", {"spec": {"replicas": 0}}),
    "enter a runner": ("POST", f"{CORE}/{RUNNERS}/pods/x/exec?command=id", {}),
    "read a runner's output": ("GET", f"{CORE}/{RUNNERS}/pods/x/log", {}),
    "end a runner": ("DELETE", f"{CORE}/{RUNNERS}/pods/x{DRY}", {}),
    "lift the quota": ("PATCH", f"{CORE}/{RUNNERS}/resourcequotas/gpus{DRY}", {"spec": {"hard": {}}}),
    "open the network": ("DELETE", f"{NETWORK}/{RUNNERS}/networkpolicies/deny-all{DRY}", {}),
    "open its own network": ("DELETE", f"{NETWORK}/{BASE}/networkpolicies/deny-all{DRY}", {}),
    "send runners elsewhere": ("PATCH", f"{CORE}/{RUNNERS}/configmaps/registrar{DRY}", {"data": {"url": "https://x"}}),
    "lift admission": ("DELETE", f"{ADMISSION}/validatingadmissionpolicybindings/{RUNNERS}-runner-pods{DRY}", {}),
    "lift Pod Security": ("PATCH", f"{CORE}/{RUNNERS}{DRY}", {"metadata": {"labels": {"pod-security": "none"}}}),
    "change its own namespace": ("PATCH", f"{CORE}/{BASE}{DRY}", {"metadata": {"labels": {"x": "y"}}}),
    "make a webhook": ("POST", f"{ADMISSION}/mutatingwebhookconfigurations{DRY}", NAMED),
    "read the node": ("GET", "/api/v1/nodes/lab", {}),
    "read the node's files": ("GET", "/api/v1/nodes/lab/proxy/logs/", {}),
    "ask the kubelet": ("GET", "https://10.85.0.1:10250/pods", {}),
    "register with its own token": ("POST", f"https://registrar.{SYSTEM}.svc:8443/registrations", {}),
    "be lent another account": ("POST", f"https://registrar.{SYSTEM}.svc:8443/credentials/registrar", {}),
    "be lent an account by another path": ("POST", f"https://registrar.{SYSTEM}.svc:8443/credentials/../registrar", {}),
}  # fmt: skip
REFUSED: Final = {"401", "403", "404"}
