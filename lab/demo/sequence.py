"""The steps of the demo, in order: the lab, the platform, the start of a run, the run itself, and the verdict."""

import contextlib
import os
import time
from dataclasses import replace

from lab import cluster, environment, example_data, git, paths, s3, worlds
from lab.demo import job_log, kubeconfig, platform, release, trouble, verdict
from lab.demo.cluster_view import ClusterView
from lab.demo.forges.forge import Forge, Started
from lab.demo.settings import PLATFORM_STACK
from lab.demo.story import Story
from lab.demo.timeline import START
from lab.demo.unfinished import Ask, cancel_or_refuse
from lab.demo.watching import PhaseTimeoutError, RunWatch


def run(story: Story, forge: Forge, agreed: Ask, *, with_kubeconfig: bool = False) -> int:
    """The whole demo; returns its exit code. Raises LabError where a step before the start of the run fails.

    `agreed` is asked whether an earlier run that is not finished shall be cancelled.
    `with_kubeconfig`: the deploy job gets the deployer's kubeconfig from a secret instead of being the deployer.
    """
    pool = forge.stacks.gpu_pool()
    _prepare(story, forge)
    view = ClusterView(forge.stacks.every_pool())
    cancel_or_refuse(forge, agreed, lambda text: story.log("forge", text))
    release.take_back(story, view, pool, lambda: platform.destroy_pools(story, forge))
    with kubeconfig.in_a_secret(forge) if with_kubeconfig else contextlib.nullcontext():
        started = forge.start(int(time.time()) % 100_000)
        story.mark(START, started.at)
        story.log(forge.trigger.noun, started.text, started.at)
        watch = RunWatch(forge, view, story, started)
        try:
            watch.follow(pool.name)
        except PhaseTimeoutError as timeout:
            story.log("error", str(timeout))
            print(trouble.report(watch, view, forge.stacks), flush=True)
            return 1
    wanted = verdict.BY_KUBECONFIG if with_kubeconfig else verdict.OWN_CLUSTER
    facts = replace(_facts(forge, watch, started), wanted_access=wanted)
    facts = replace(facts, left=release.await_release(story, view, pool))
    story.close((forge.trigger.noun, forge.trigger.deed))
    return _judge(forge, watch, view, facts)


def _judge(forge: Forge, watch: RunWatch, view: ClusterView, facts: verdict.Facts) -> int:
    problems = verdict.problems(facts)
    if problems:
        print("the demo did not prove what it should:\n" + "\n".join(f"  - {problem}" for problem in problems))
        print(trouble.report(watch, view, forge.stacks), flush=True)
        return 1
    print(_proof(facts), flush=True)
    return 0


def _prepare(story: Story, forge: Forge) -> None:
    """The lab and the platform, as an administrator sets them up once."""
    if git.run(paths.REPOSITORY, "status", "--porcelain"):
        story.log("git", "uncommitted changes are left out: the deploy job checks out the last commit")
    cluster.up(lambda text: story.log("lab", text))
    variables = environment.load()
    os.environ["NO_PROXY"] = variables["NO_PROXY"]
    forge.prepare(lambda text: story.log("lab", text))
    file = forge.stacks.file(PLATFORM_STACK)
    platform.up(story, forge.administrator(variables), file, lost=forge.lost)


def _facts(forge: Forge, watch: RunWatch, started: Started) -> verdict.Facts:
    evidence, store = job_log.evidence(watch.log("train")), s3.client(worlds.key(worlds.DATA))
    stored = {path: store.exists(example_data.BUCKET, example_data.object_key(md5)) for path, md5 in evidence.outputs}
    return verdict.Facts(
        began=started.began, jobs=watch.last.jobs, pods=watch.pods, pool=forge.stacks.gpu_pool().name,
        evidence=evidence, stored=stored, access=job_log.access(watch.log("deploy")), trigger=forge.trigger.noun,
    )  # fmt: skip


def _proof(facts: verdict.Facts) -> str:
    pod = facts.pods[facts.jobs["train"].runner]
    return (
        f"proved: job train ran on pod {pod.name}, made after the {facts.trigger}, on GPU {facts.evidence.gpus}; "
        f"in the DVC remote: {', '.join(facts.stored)}."
    )
