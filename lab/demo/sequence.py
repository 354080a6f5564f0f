"""The steps of the demo, in order: the lab, the platform, a push, the run that it starts, and the verdict."""

import contextlib
import os
import time
from dataclasses import dataclass, replace

from lab import cluster, environment, example_data, git, gitea, paths, s3
from lab.demo import job_log, kubeconfig, platform, push, trouble, verdict
from lab.demo.cluster_view import ClusterView
from lab.demo.settings import PLATFORM_STACK, POOLS_STACK, REPOSITORY, Pool, gpu_pool, pools
from lab.demo.story import Story
from lab.demo.watching import ACTIONS, PhaseTimeoutError, RunWatch
from lab.errors import LabError
from lab.gitea_api import GiteaApi

RELEASE_DEADLINE_SECONDS = 60
POLL_SECONDS = 0.3


@dataclass(frozen=True)
class Servers:
    """The forge and the cluster, as the demo asks them."""

    api: GiteaApi
    view: ClusterView


def run(story: Story, *, with_kubeconfig: bool = False) -> int:
    """The whole demo; returns its exit code. Raises LabError where a step before the push fails.

    `with_kubeconfig`: the deploy job gets the deployer's kubeconfig from a secret instead of being the deployer.
    """
    pool = gpu_pool()
    _prepare(story)
    servers = Servers(
        GiteaApi(gitea.URL, gitea.token()), ClusterView([*pools(PLATFORM_STACK), *pools(POOLS_STACK)])
    )  # fmt: skip
    _refuse_an_unfinished_run(servers.api)
    with kubeconfig.in_a_secret(servers.api) if with_kubeconfig else contextlib.nullcontext():
        pushed = push.change_seed(int(time.time()) % 100_000)
        story.mark("pushed", pushed.at)
        story.tell("git", f"pushed {pushed.commit[:10]} to {REPOSITORY}: train with seed {pushed.seed}", pushed.at)
        watch = RunWatch(servers.api, servers.view, story, pushed.commit)
        try:
            watch.follow(pool.name)
        except PhaseTimeoutError as timeout:
            story.tell("error", str(timeout))
            print(trouble.report(watch, servers.view, pool), flush=True)
            return 1
    wanted = verdict.BY_KUBECONFIG if with_kubeconfig else verdict.OWN_CLUSTER
    facts = replace(_facts(watch, pool, pushed.began), wanted_access=wanted)
    return _judge(story, watch, servers.view, replace(facts, left=_await_release(story, servers.view, pool)), pool)


def _judge(story: Story, watch: RunWatch, view: ClusterView, facts: verdict.Facts, pool: Pool) -> int:
    story.close()
    found = verdict.problems(facts)
    if found:
        print("the demo did not prove what it should:\n" + "\n".join(f"  - {problem}" for problem in found))
        print(trouble.report(watch, view, pool), flush=True)
        return 1
    print(_proof(facts), flush=True)
    return 0


def _prepare(story: Story) -> None:
    """The lab and the platform, as an administrator sets them up once."""
    if git.run(paths.REPOSITORY, "status", "--porcelain"):
        story.tell("git", "uncommitted changes are left out: the deploy job checks out the last commit")
    cluster.up(lambda text: story.tell("lab", text))
    variables = environment.load()
    os.environ["NO_PROXY"] = variables["NO_PROXY"]
    platform.up(story, variables)


def _facts(watch: RunWatch, pool: Pool, began: float) -> verdict.Facts:
    evidence, store = job_log.evidence(watch.log("train")), s3.client()
    stored = {path: store.exists(s3.DVC_BUCKET, example_data.object_key(md5)) for path, md5 in evidence.outputs}
    return verdict.Facts(
        pushed=began, jobs=watch.last.jobs, pods=watch.pods, pool=pool.name, evidence=evidence, stored=stored,
        access=job_log.access(watch.log("deploy")),
    )  # fmt: skip


def _proof(facts: verdict.Facts) -> str:
    pod = facts.pods[facts.jobs["train"].runner]
    return (
        f"proved: job train ran on pod {pod.name}, made after the push, on GPU {facts.evidence.gpus}; "
        f"in the DVC remote: {', '.join(facts.stored)}."
    )


def _await_release(story: Story, view: ClusterView, pool: Pool) -> tuple[str, ...]:
    """Names of the pool's pods that still hold a GPU at the deadline; none is what is wanted."""
    end = time.monotonic() + RELEASE_DEADLINE_SECONDS
    while True:
        left = [pod for pod in view.runner_pods().values() if Pool(pod.pool, pod.namespace) == pool]
        holding = tuple(pod.name for pod in left if pod.phase in ("Pending", "Running"))
        if not holding:
            story.tell("pod", f"pool {pool.name} holds no GPU any more")
        if not holding or time.monotonic() > end:
            return holding
        time.sleep(POLL_SECONDS)


def _refuse_an_unfinished_run(api: GiteaApi) -> None:
    """A run that still waits would hold the workflow's concurrency group, and ours would never start."""
    runs = api.get(f"{ACTIONS}/runs", limit=20)["workflow_runs"]
    unfinished = [run["html_url"] for run in runs if run["status"] != "completed"]
    if unfinished:
        raise LabError(
            f"an earlier run is not finished: {', '.join(unfinished)}. Wait for it or cancel it there "
            f"(user {gitea.ADMIN}, password in {gitea.ACCESS}), or start afresh with `make lab-down`."
        )
