"""Tries one pod of each pool on the API server, by a dry run: nothing is made, and whoever judges pods is asked."""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, Final

from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError, ClusterRefusedError
from gpu_runners.doctor.core.findings import Finding, ok, unknown
from gpu_runners.doctor.core.trial import admitted, not_previewed, pod_of, refused, templates
from gpu_runners.errors import CommandFailedError
from gpu_runners.pulumi_command import opened
from gpu_runners.stack_config import StackSource
from values.pool import RunnerPool
from values.secrecy import without_secrets

DRY_RUN: Final = {"dryRun": "All", "fieldValidation": "Strict"}
Templates = Mapping[tuple[str, str], dict[str, Any]]


def trials(
    source: StackSource, pools: Sequence[RunnerPool], cluster: ClusterConnection, declared: Container[str]
) -> Iterator[Finding]:
    """A finding for each pool; declared: namespaces that this very stack makes.

    Pulumi says what the program would write: it previews, which changes nothing.
    """
    if not pools:
        return
    try:
        with opened(source.folder, source.stack, source.config_file) as program:
            answer = program.run("preview", "--json", with_config=True)
    except CommandFailedError as error:
        yield unknown("trial of the pools", str(error), "`pulumi preview` has to work first")
        return
    written: Templates = templates(answer.document() or {})
    if answer.code != 0 or not written:
        yield not_previewed(" ".join(without_secrets(answer.complaint).split()))
        return
    for pool in pools:
        template = written.get((pool["namespace"], pool["name"]))
        yield _trial(cluster, pool, template, declared=pool["namespace"] in declared)


def _trial(
    cluster: ClusterConnection, pool: RunnerPool, template: Mapping[str, Any] | None, *, declared: bool
) -> Finding:
    name, namespace = pool["name"], pool["namespace"]
    check = f"trial of pool {name}"
    if template is None:
        return unknown(check, "the preview does not show its Deployment", "run `pulumi preview` and look for it")
    pods = f"/api/v1/namespaces/{namespace}/pods"
    try:
        cluster.send("POST", pods, body=json.dumps(pod_of(template, name)), parameters=DRY_RUN)
    except ClusterRefusedError as error:
        if error.status == 404:
            return ok(check, f"there is no namespace {namespace} yet in which a pod could be tried")
        if error.status in (401, 403) and "cannot create resource" in error.message:
            cure = "let an administrator run this: who deploys pools makes no pods"
            return unknown(check, f"this identity may try no pod: {error.message}", cure)
        words = without_secrets(error.message)
        return refused(name, namespace, words, is_up=_is_up(cluster, pool), declared=declared)
    except ClusterError as error:
        return unknown(check, error.problem.found, "run this again")
    return admitted(name, namespace)


def _is_up(cluster: ClusterConnection, pool: RunnerPool) -> bool:
    try:
        live = cluster.find(f"/apis/apps/v1/namespaces/{pool['namespace']}/deployments/{pool['name']}") or {}
    except ClusterError:
        return False
    return int((live.get("status") or {}).get("replicas") or 0) >= pool["replicas"] > 0
