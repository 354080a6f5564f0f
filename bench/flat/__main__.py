"""What somebody would write who needs the same Deployments and no more: one loop, and the provider's own wait."""

import json
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

for deployment in json.loads(Path(pulumi.Config().require("deployments")).read_text()):
    k8s.apps.v1.Deployment(
        deployment["name"],
        metadata={
            "name": deployment["name"],
            "namespace": deployment["namespace"],
            "labels": deployment["labels"],
        },
        spec=deployment["spec"],
    )
