"""The environment variables of a runner's pod: those that the program writes, and those that a pool may add."""

import re
from typing import Final

from values.contract import OWN_IMAGE_VARIABLE, OWN_POOL_VARIABLE

KUBECONFIG_VARIABLE: Final = "KUBECONFIG"  # of base runners: by it jobs ask for the rights of an account
VISIBLE_DEVICES: Final = "NVIDIA_VISIBLE_DEVICES"
_SHARED_VARIABLES: Final = ("HOME", "JOBS_DIRECTORY", VISIBLE_DEVICES, "REGISTRATION_DIRECTORY", "RUNNER_DIRECTORY")
REGISTRATION_VARIABLES: Final = (
    *_SHARED_VARIABLES,
    "RUNNER_SOURCE",
    "TERMINATION_LOG",
    "TOKEN_FILE",
    "TRUST_DIRECTORY",
)
RUNNER_VARIABLES: Final = (
    *_SHARED_VARIABLES,
    "CORDON_SECONDS",
    "PROCESSES_DIRECTORY",
    "PROTECT_JOB_SECONDS",
    "RUNNER_PROCESS",
    "USER",
    OWN_IMAGE_VARIABLE,
    OWN_POOL_VARIABLE,
)
VARIABLE: Final = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
LONGEST_VALUE: Final = 1024
MOST_VARIABLES: Final = 64
_VARIABLE: Final = re.compile(VARIABLE, re.ASCII)
# What container runtimes read to give devices to a container, whatever the device plugin granted: NVIDIA's and AMD's
# container toolkits, Habana's runtime. CUDA's and ROCm's own are read in the process alone.
_DEVICES: Final = re.compile(r"(?!CUDA_|HIP_|ROCR_)[A-Z]+_VISIBLE_DEVICES|NVIDIA_(?:MIG|IMEX|CDI)_[A-Z_]+", re.ASCII)
# Where the API server answers is the kubelet's to say, and what begins with GPU_RUNNERS_ is ours.
_RESERVED_BEGINNINGS: Final = ("GPU_RUNNERS_", "KUBERNETES_")
PROXY_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def is_variable_name(text: str) -> bool:
    """Whether every shell takes it as a variable's name."""
    return _VARIABLE.fullmatch(text) is not None


def why_reserved(name: str) -> str:
    """Why no pool may set this variable; "" where one may."""
    if name in (*REGISTRATION_VARIABLES, *RUNNER_VARIABLES, KUBECONFIG_VARIABLE) or name.startswith(
        _RESERVED_BEGINNINGS
    ):
        return "the program or the kubelet sets it"
    if _DEVICES.fullmatch(name):
        return "container runtimes give devices by it"
    if name.upper() in PROXY_VARIABLES:
        return "gpu-runners:proxy sets it"
    return ""
