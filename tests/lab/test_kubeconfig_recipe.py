"""The recipe for a kubeconfig in the example's README makes one, as it stands there."""

import json
import re
import subprocess
from pathlib import Path

from lab import example_data

README = example_data.EXAMPLE / "README.md"
DEPLOYER = "--namespace gpu-runners-base create token deployer --duration 8h"


def recipe() -> list[str]:
    """Its lines up to the one that hands the file to the forge."""
    _, _, rest = README.read_text().partition("from an administrator's:\n\n")
    lines = [line[4:] for line in rest.partition("\n\n")[0].splitlines()]
    (end,) = (number for number, line in enumerate(lines) if line.startswith("gh secret set KUBECONFIG "))
    assert re.search(r"< (\S+)$", lines[end])
    assert lines[end + 1 :] == ["rm deployer.kubeconfig ca.crt"]
    return lines[:end]


def test_the_recipe_s_kubeconfig_is_the_account_s_and_names_its_cluster(lab: dict[str, str], tmp_path: Path) -> None:
    """With an account that every cluster has: which one it is, is the platform's affair."""
    script = "\n".join(recipe())
    assert script.count(DEPLOYER) == 1
    script = script.replace(DEPLOYER, "--namespace default create token default --duration 10m")
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=tmp_path, env=lab, check=True, timeout=60)
    command = ["kubectl", "--kubeconfig", "deployer.kubeconfig", "auth", "whoami", "--output", "json"]
    alone = {"PATH": lab["PATH"], "HOME": str(tmp_path)}
    told = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(told.stdout)["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"
