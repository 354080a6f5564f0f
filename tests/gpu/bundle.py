"""Collects what a machine with a GPU needs: the lab's programs, a root file system, and the objects of stack.yaml.

The folder gets parts of at most PART_BYTES, each a tar archive packed by xz, so that they can be carried one by one.
"""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from lab import paths
from lab.images import rootfs
from tests.program.recorded import Recorded, run
from tests.program.stack_values import ROOT, find_api_server, loaded

HERE = Path(__file__).parent
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "pause")
HOST_PROGRAMS = ("containerd", "containerd-shim-runc-v2", "ctr", "runc", "ip")
CNI_PLUGINS = ("bridge", "host-local", "loopback")
DEVICE_PLUGINS = ("gke-device-plugin", "nvidia-device-plugin", "gpu-feature-discovery")
NAMESPACE = "gpu-runners-gpu"
PART_BYTES = 58 << 20


def manifests() -> list[dict[str, Any]]:
    """The objects of stack.yaml that pods of its environment meet, namespaces first, in the order of declaration."""
    values = yaml.safe_load((HERE / "stack.yaml").read_text())["config"]
    program = runpy.run_path(str(ROOT / "__main__.py"), run_name="program")
    config = loaded({key.removeprefix("gpu-runners:"): value for key, value in values.items()}, {"FORGE_TOKEN": "none"})
    declared = run(lambda: program["declare"](config, "1.36", find_api_server))
    objects = [resource for resource in declared.resources if resource.type.startswith("kubernetes:")]
    wanted = [resource.inputs for resource in objects if _is_met(resource)]
    return sorted(wanted, key=lambda inputs: inputs["kind"] != "Namespace")


def _is_met(resource: Recorded) -> bool:
    if resource.kind == "Deployment":
        return resource.namespace == NAMESPACE
    if resource.kind in ("Role", "RoleBinding", "NetworkPolicy"):
        return False
    return resource.namespace == NAMESPACE or resource.namespace is None or resource.kind == "Secret"


def main() -> None:
    """Fills the folder named first; device plugins are read from the one named second."""
    folder, plugins = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    content = folder / "content"
    for name, source in _files(plugins).items():
        target = content / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    (content / "manifests.json").write_text(json.dumps(manifests(), indent=1))
    archive = folder / "bundle.tar.xz"
    subprocess.run(["tar", "-C", content, "-c", "-f", archive, "-I", "xz -3 -T2", "."], check=True)
    subprocess.run(["split", "-b", str(PART_BYTES), "-d", archive, folder / "part-"], check=True)
    archive.unlink()
    shutil.rmtree(content)


def _files(plugins: Path) -> dict[str, Path]:
    files = {f"bin/{name}": paths.BIN / name for name in PROGRAMS}
    files |= {f"bin/{name}": plugins / name for name in DEVICE_PLUGINS}
    for name in HOST_PROGRAMS:
        found = shutil.which(name)
        if found is None:
            raise SystemExit(f"{name} is not installed here")
        files[f"bin/{name}"] = Path(found)
    files |= {f"lib/{library.name}": library for library in _libraries(files["bin/ip"], files["bin/runc"])}
    files |= {f"cni/{name}": Path("/usr/lib/cni") / name for name in CNI_PLUGINS}
    return files | {"rootfs.tar": rootfs.tar()}


def _libraries(*programs: Path) -> list[Path]:
    """What the programs load beside glibc, which the other machine has."""
    lines = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout.splitlines()
    paths_ = {Path(line.split()[2]) for line in lines if " => /" in line}
    return sorted(path for path in paths_ if not path.name.startswith(("libc.", "ld-")))


if __name__ == "__main__":
    main()
