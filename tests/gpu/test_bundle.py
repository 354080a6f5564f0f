"""What is carried to a machine with a GPU is what the program declares; what runs there tells when there is none."""

import json
import subprocess
import sys
from pathlib import Path

from tests.gpu.bundle import NAMESPACE, manifests

HERE = Path(__file__).parent


def test_the_pools_are_carried_with_the_admission_policy_that_judges_them() -> None:
    objects = manifests()
    kinds = [manifest["kind"] for manifest in objects]
    assert {m["metadata"]["name"] for m in objects if m["kind"] == "Deployment"} == {"gpu", "cpu"}
    assert kinds.count("ValidatingAdmissionPolicy") == kinds.count("ValidatingAdmissionPolicyBinding") == 3
    assert kinds.index("Deployment") > max(i for i, kind in enumerate(kinds) if kind == "Namespace")
    assert {m["metadata"].get("namespace") for m in objects if m["kind"] == "ResourceQuota"} == {NAMESPACE}


def test_the_job_reports_an_error_and_no_figures_where_there_is_no_gpu(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "JOB_SECONDS": "0", "NVIDIA_VISIBLE_DEVICES": "void"}
    done = subprocess.run(
        [sys.executable, HERE / "runner/job.py"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout.removeprefix("found "))
    assert ("error" in found["cuda"]) is not Path("/dev/nvidia0").exists()
    assert "No such file" in found["nvidia_smi"]
    assert found["shared_memory"]["shared"] is True
