"""The runner's pod as pure builders: two containers, who they run as, what they may use, where they may run.

Everything that the API server would default and somebody might edit is written out, so that an edit shows as drift.
"""

from typing import TYPE_CHECKING, Any, Final

from components.labels import STAY_ANNOTATIONS, pool_labels
from components.pools.confinement import confined_pod, unprivileged
from components.pools.runner_scripts import PRE_STOP, REGISTER, RUNNER_PROCESS, START
from components.runner_volumes import (
    JOBS_FOLDER,
    QUEUE_TIME_DIRECTORY,
    QUEUE_TIME_KEY,
    REGISTRATION_DIRECTORY,
    REGISTRATION_MESSAGE,
    RUNNER_DIRECTORY,
    RUNNER_MESSAGE,
    TOKEN_DIRECTORY,
    TRUST_DIRECTORY,
    WORK_DIRECTORY,
    cache_mounts,
    cache_volumes,
    kubeconfig_file,
    pod_volumes,
    registration_mounts,
    runner_mounts,
)
from values.contract import (
    ONLINE_GATE,
    OWN_GPUS_VARIABLE,
    OWN_IMAGE_VARIABLE,
    OWN_POOL_VARIABLE,
    QUEUE_TIME_VARIABLE,
    REGISTRATION_CONTAINER,
    RUNNER_CONTAINER,
    RUNNER_LABELS_ANNOTATION,
)
from values.placement import gpu_limits, node_selector
from values.pod_variables import no_devices
from values.pool import NO_IDENTITY, REGISTRATION_MEMORY, RunnerPool, pool_key, storage_limit
from values.scope import GITHUB

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s

    Container = k8s.core.v1.ContainerArgsDict

# Longer than the registrar needs to see a deletion and cordon the runner; an idle runner's leaving takes that long.
CORDON_SECONDS: Final = 3

# What every runner writes: its own files. More would keep pods off nodes whose disk most jobs never fill.
CERTAIN_STORAGE: Final = "1Gi"


def pod_template(pool: RunnerPool) -> "k8s.core.v1.PodTemplateSpecArgsDict":
    """The template of a pool's pods."""
    annotations = {RUNNER_LABELS_ANNOTATION: ",".join(pool["labels"]), **STAY_ANNOTATIONS}
    return {"metadata": {"labels": pool_labels(pool["name"]), "annotations": annotations}, "spec": _pod_spec(pool)}


def _pod_spec(pool: RunnerPool) -> "k8s.core.v1.PodSpecArgsDict":
    gpu = pool.get("gpu")
    has_identity = pool["identity"] != NO_IDENTITY
    return {
        **confined_pod(),
        "termination_grace_period_seconds": int(pool["protect_job_seconds"]),
        "readiness_gates": [{"condition_type": ONLINE_GATE}],
        **_extras(pool),
        "node_selector": node_selector(gpu),
        "tolerations": [{**toleration} for toleration in gpu["tolerations"]] if gpu else [],
        "init_containers": [_registration_container(pool)],
        "containers": [_runner_container(pool)],
        "volumes": [
            *pod_volumes(
                pool["shared_memory"],
                pool["work_volume"],
                job_credentials=has_identity,
                of_github=pool["forge"] == GITHUB,
            ),
            *cache_volumes(pool.get("caches", [])),
        ],
    }


def _extras(pool: RunnerPool) -> dict[str, Any]:
    """What a pool may have where its environment grants it; a pod of a pool that names none has no such field."""
    extras: dict[str, Any] = {}
    if secrets := pool.get("pull_secrets"):
        extras["image_pull_secrets"] = [{"name": name} for name in secrets]
    if runtime_class := pool.get("runtime_class"):
        extras["runtime_class_name"] = runtime_class
    if priority_class := pool.get("priority_class"):
        extras["priority_class_name"] = priority_class
    return extras


def _registration_container(pool: RunnerPool) -> "Container":
    return {
        "name": REGISTRATION_CONTAINER,
        "image": pool["runner_image"],
        "image_pull_policy": pool["image_pull_policy"],
        "command": ["/bin/sh", "-c", REGISTER],
        "working_dir": "/",
        "env": _environment(
            {
                **pool.get("proxy", {}),
                "HOME": f"{WORK_DIRECTORY}/home",
                "JOBS_DIRECTORY": f"{WORK_DIRECTORY}/{JOBS_FOLDER}",
                **no_devices(()),
                "REGISTRATION_DIRECTORY": REGISTRATION_DIRECTORY,
                "RUNNER_DIRECTORY": RUNNER_DIRECTORY,
                "RUNNER_SOURCE": "/home/runner",
                "TERMINATION_LOG": REGISTRATION_MESSAGE,
                "TOKEN_FILE": f"{TOKEN_DIRECTORY}/token",
                "TRUST_DIRECTORY": TRUST_DIRECTORY,
            }
        ),
        # It runs before the main container, whose requests are larger: these cost the pod nothing.
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
            "limits": {"memory": REGISTRATION_MEMORY, "ephemeral-storage": "1Gi"},
        },
        "security_context": unprivileged(),
        "termination_message_path": REGISTRATION_MESSAGE,
        "termination_message_policy": "FallbackToLogsOnError",
        "volume_mounts": registration_mounts(),
    }


def _runner_container(pool: RunnerPool) -> "Container":
    forge = pool["forge"]
    devices = gpu_limits(pool.get("gpu"))
    variables = {
        **pool.get("env", {}),
        **pool.get("proxy", {}),
        "HOME": f"{WORK_DIRECTORY}/home",
        "CORDON_SECONDS": str(CORDON_SECONDS),
        "JOBS_DIRECTORY": f"{WORK_DIRECTORY}/{JOBS_FOLDER}",
        "PROCESSES_DIRECTORY": "/proc",
        "PROTECT_JOB_SECONDS": str(int(pool["protect_job_seconds"])),
        "REGISTRATION_DIRECTORY": REGISTRATION_DIRECTORY,
        "RUNNER_DIRECTORY": RUNNER_DIRECTORY,
        "RUNNER_PROCESS": RUNNER_PROCESS[forge],
        # The image knows no name for this uid, and programs that ask for one (Pulumi does) fail without it.
        "USER": "runner",
        # A CUDA image says "all", and without a request NVIDIA's runtime would believe it; others' are like it.
        **no_devices(devices),
        OWN_POOL_VARIABLE: pool_key(pool),
        OWN_IMAGE_VARIABLE: pool["image"],
    }
    if forge == GITHUB:
        variables[OWN_GPUS_VARIABLE] = ", ".join(f"{count} {resource}" for resource, count in devices.items())
        variables[QUEUE_TIME_VARIABLE] = f"{QUEUE_TIME_DIRECTORY}/{QUEUE_TIME_KEY}"
    if pool["identity"] != NO_IDENTITY:
        variables["KUBECONFIG"] = kubeconfig_file(pool["identity"])
    return {
        "name": RUNNER_CONTAINER,
        "image": pool["image"],
        "image_pull_policy": pool["image_pull_policy"],
        "command": ["/bin/sh", "-c", START[forge]],
        "working_dir": WORK_DIRECTORY,
        "env": _environment(variables),
        "resources": {
            "requests": {
                "cpu": pool["cpu"],
                "memory": pool["memory"],
                "ephemeral-storage": CERTAIN_STORAGE,
                **devices,
            },
            "limits": {"memory": pool["memory"], "ephemeral-storage": storage_limit(pool), **devices},
        },
        "restart_policy": "Never",  # one pod, one registration, one job: the ReplicaSet brings the next
        "lifecycle": {"pre_stop": {"exec_": {"command": ["/bin/sh", "-c", PRE_STOP]}}},
        "security_context": unprivileged(),
        "termination_message_path": RUNNER_MESSAGE,
        "termination_message_policy": "FallbackToLogsOnError",
        "volume_mounts": [
            *runner_mounts(job_credentials=pool["identity"] != NO_IDENTITY, of_github=forge == GITHUB),
            *cache_mounts(pool.get("caches", [])),
        ],
    }


def _environment(variables: dict[str, str]) -> "list[k8s.core.v1.EnvVarArgsDict]":
    return [{"name": name, "value": value} for name, value in sorted(variables.items())]
