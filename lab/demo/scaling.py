"""The demo with `SCALE=queue`: nobody deploys and nobody releases; a pool at zero follows the queue and goes back."""

import shutil
import time
from collections.abc import Mapping
from typing import Any, Final

import yaml

from lab import cluster, environment, example_data, git, keda, paths, s3, worlds
from lab.demo import job_log, platform, release, scaling_verdict
from lab.demo.cluster_view import ClusterView
from lab.demo.forges.forge import Forge, Started
from lab.demo.scaling_watch import ScalingWatch
from lab.demo.settings import PLATFORM_STACK, POOLS_STACK, Stacks
from lab.demo.story import Story
from lab.demo.timeline import QUEUE_MILESTONES, START
from lab.demo.unfinished import Ask, cancel_or_refuse

JOBS: Final = 3
IDLE_SECONDS: Final = 15
SPARE_GPUS: Final = 1
GIVEN_BACK_SECONDS: Final = 120


def run(story: Story, forge: Forge, agreed: Ask) -> int:
    """The whole of it; returns its exit code. Raises LabError where a step before the start of the run fails."""
    stacks = _write_stacks(forge.stacks)
    _prepare(story, forge, stacks)
    pool = stacks.gpu_pool()
    view = ClusterView([pool])
    cancel_or_refuse(forge, agreed, lambda text: story.log("forge", text))
    everything = ClusterView(stacks.every_pool())
    release.take_back(story, everything, pool, lambda: platform.destroy_pools(story, forge))
    platform.up(story, platform.developer(forge), stacks.file(POOLS_STACK), POOLS_STACK)
    release.await_release(story, view, pool, GIVEN_BACK_SECONDS)
    started = forge.start(int(time.time()) % 100_000)
    story.mark(START, started.at)
    story.log(forge.trigger.noun, started.text, started.at)
    watch = ScalingWatch(forge, view, story, started, JOBS)
    watch.follow()
    left = release.await_release(story, view, pool, GIVEN_BACK_SECONDS)
    story.mark("done")
    story.close((forge.trigger.noun, forge.trigger.deed), QUEUE_MILESTONES)
    facts = _facts(forge, watch, started, left)
    platform.destroy_pools(story, forge)
    problems = scaling_verdict.problems(facts)
    if problems:
        print("the demo did not prove what it should:\n" + "\n".join(f"  - {problem}" for problem in problems))
        return 1
    print(scaling_verdict.proof(facts), flush=True)
    return 0


def _prepare(story: Story, forge: Forge, stacks: Stacks) -> None:
    if git.run(paths.REPOSITORY, "status", "--porcelain"):
        story.log("git", "uncommitted changes are left out of the workflow: it is the last commit's")
    cluster.up(lambda text: story.log("lab", text))
    keda.up(lambda text: story.log("lab", text))
    forge.prepare(lambda text: story.log("lab", text))
    variables = environment.load()
    platform.up(story, forge.administrator(variables), stacks.file(PLATFORM_STACK), lost=forge.lost)


def _write_stacks(committed: Stacks) -> Stacks:
    """The committed stack files, with a pool that follows the queue instead of one that a job deploys."""
    folder = paths.STATE / "demo-queue" / committed.folder.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for stack, change in ((PLATFORM_STACK, _grant), (POOLS_STACK, _follow)):
        document = yaml.safe_load(committed.file(stack).read_text())
        change(document["config"], committed.gpu_pool().namespace)
        (folder / committed.file(stack).name).write_text(yaml.safe_dump(document, sort_keys=False))
    return Stacks(folder)


def _grant(config: dict[str, Any], namespace: str) -> None:
    for declared in config["gpu-runners:platform"]["environments"]:
        if declared["namespace"] == namespace:
            declared["autoscaler"] = keda.NAMESPACE
            declared["quota"]["gpus"] = JOBS + SPARE_GPUS


def _follow(config: dict[str, Any], namespace: str) -> None:
    del namespace
    pool = config["gpu-runners:pools"][0]
    del pool["replicas"]
    pool["autoscaling"] = {"min": 0, "max": JOBS, "idleSeconds": IDLE_SECONDS}


def _facts(forge: Forge, watch: ScalingWatch, started: Started, left: tuple[str, ...]) -> scaling_verdict.Facts:
    evidence = {name: job_log.evidence(watch.log(name)) for name in watch.last.jobs}
    return scaling_verdict.Facts(
        began=started.began, wanted=JOBS, before=watch.before, jobs=watch.last.jobs, pods=watch.pods,
        most=watch.most, pool=forge.stacks.gpu_pool().name, evidence=evidence, stored=_stored(evidence), left=left,
        trigger=forge.trigger.noun,
    )  # fmt: skip


def _stored(evidence: Mapping[str, job_log.Evidence]) -> dict[str, bool]:
    store = s3.client(worlds.key(worlds.DATA))
    outputs = {path: md5 for one in evidence.values() for path, md5 in one.outputs}
    return {path: store.exists(example_data.BUCKET, example_data.object_key(md5)) for path, md5 in outputs.items()}
