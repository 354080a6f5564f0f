"""The environment variables of a runner's pod: those that the program writes, and those that a pool may add."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from values.contract import OWN_GPUS_VARIABLE, OWN_IMAGE_VARIABLE, OWN_POOL_VARIABLE, QUEUE_TIME_VARIABLE

KUBECONFIG_VARIABLE: Final = "KUBECONFIG"  # of base runners: by it jobs ask for the rights of an account


class VisibleDevices(NamedTuple):
    """A variable by which a vendor's container runtime gives devices to a container, and which images may set too."""

    name: str
    domain: str
    """Of the resources whose device plugin sets it."""
    none: str
    """The word for no device at all: an absent variable leaves it to the image, and Habana's runtime to nobody."""


# What runtimes read of an image's environment, whatever the device plugin granted: NVIDIA's (docs of its container
# toolkit, "void"), AMD's (ROCm/container-toolkit, internal/oci: what is no number and not `all` is none), Habana's
# (HabanaAI/habana-container-runtime, container_config.go: absent, empty and `void` are all of them), Huawei's Ascend
# Docker Runtime (`void`), and the OCI hook of AWS Neuron, whose words are `ALL` and numbers.
VISIBLE_DEVICES: Final = (
    VisibleDevices("AMD_VISIBLE_DEVICES", "amd.com", "none"),
    VisibleDevices("ASCEND_VISIBLE_DEVICES", "huawei.com", "void"),
    VisibleDevices("AWS_NEURON_VISIBLE_DEVICES", "aws.amazon.com", "none"),
    VisibleDevices("HABANA_VISIBLE_DEVICES", "habana.ai", "none"),
    VisibleDevices("NVIDIA_VISIBLE_DEVICES", "nvidia.com", "void"),
)
_SHARED_VARIABLES: Final = (
    "HOME",
    "JOBS_DIRECTORY",
    *(devices.name for devices in VISIBLE_DEVICES),
    "REGISTRATION_DIRECTORY",
    "RUNNER_DIRECTORY",
)
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
    OWN_GPUS_VARIABLE,
    OWN_IMAGE_VARIABLE,
    OWN_POOL_VARIABLE,
    QUEUE_TIME_VARIABLE,
)
VARIABLE: Final = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
LONGEST_VALUE: Final = 1024
MOST_VARIABLES: Final = 64
_VARIABLE: Final = re.compile(VARIABLE, re.ASCII)
# Any vendor's may be read by a runtime: those above, and what makes NVIDIA's bring more beside a GPU. CUDA's, HIP's and
# ROCm's own are read in the process alone.
_DEVICES: Final = re.compile(
    r"(?!(?:CUDA|HIP|ROCR)_)[A-Z][A-Z0-9_]*_VISIBLE_DEVICES"
    r"|NVIDIA_(?:(?:MIG|IMEX|CDI)_[A-Z_]+|GDS|GDRCOPY|MOFED|NVSWITCH)",
    re.ASCII,
)
# Where the API server answers is the kubelet's to say, and what begins with GPU_RUNNERS_ is ours.
HOOKS_VARIABLE: Final = "ACTIONS_RUNNER_CONTAINER_HOOKS"  # start-github.sh names ours
_RESERVED_BEGINNINGS: Final = ("GPU_RUNNERS_", "KUBERNETES_")
PROXY_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def no_devices(asked: Iterable[str]) -> dict[str, str]:
    """The variables of a container that asks for these resources: no devices of all other vendors."""
    domains = {resource.partition("/")[0] for resource in asked}
    return {devices.name: devices.none for devices in VISIBLE_DEVICES if devices.domain not in domains}


def is_variable_name(text: str) -> bool:
    """Whether every shell takes it as a variable's name."""
    return _VARIABLE.fullmatch(text) is not None


def why_reserved(name: str) -> str:
    """Why no pool may set this variable; "" where one may."""
    if _DEVICES.fullmatch(name):
        return "container runtimes give devices by it"
    if name in (*REGISTRATION_VARIABLES, *RUNNER_VARIABLES, KUBECONFIG_VARIABLE, HOOKS_VARIABLE) or name.startswith(
        _RESERVED_BEGINNINGS
    ):
        return "the program or the kubelet sets it"
    if name.upper() in PROXY_VARIABLES:
        return "gpu-runners:proxy sets it"
    return ""
