"""A namespace, a ConfigMap and, with `replicas`, a Deployment that no node takes: one replica of it is waited for."""

import pulumi
import pulumi_kubernetes as k8s

settings = pulumi.Config()
namespace = k8s.core.v1.Namespace("namespace", metadata={"name": settings.require("namespace")})
place = {"namespace": namespace.metadata["name"], "annotations": {"pulumi.com/patchForce": "true"}}
k8s.core.v1.ConfigMap("note", metadata={"name": "note", **place}, data={"text": settings.get("text") or ""})
replicas = settings.get_int("replicas")
if replicas is not None:
    labels = {"app": "stuck"}
    k8s.apps.v1.Deployment(
        "stuck",
        metadata={"name": "stuck", **place},
        spec={
            "replicas": replicas,
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "node_selector": {"no-node": "has-this"},
                    "containers": [{"name": "stuck", "image": "lab.local/pause:lab"}],
                },
            },
        },
    )
