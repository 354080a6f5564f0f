"""Where the lab keeps what it makes: everything outside the repository, under one cache folder."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PROGRAM_MODULES = Path(__file__).resolve().parent / "programs"

CACHE = Path(os.environ.get("GPU_RUNNERS_CACHE") or Path.home() / ".cache" / "gpu-runners")
PROGRAMS = CACHE / "programs"  # one folder per program and pin; survives lab-down
BIN = CACHE / "bin"  # links to the programs of the pins in this checkout
IMAGES = CACHE / "images"  # OCI archives; survive lab-down
CONTAINERD = CACHE / "containerd"  # the content store, so that images are unpacked once; survives lab-down

STATE = CACHE / "lab"  # one life of the lab: gone after lab-down, but for the logs
LOGS = STATE / "logs"
KUBECONFIG = STATE / "kubeconfig"
PULUMI_HOME = CACHE / "pulumi"
