"""One look at the run and at the runner pods, as frozen values read from what the two servers answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from values import contract

GPU = "nvidia.com/gpu"


@dataclass(frozen=True)
class Job:
    """A job of the run. `status` is queued, waiting, in_progress or completed; `conclusion` is empty until then."""

    id: int
    name: str
    status: str
    conclusion: str = ""
    runner: str = ""

    @property
    def has_started(self) -> bool:
        """True from the moment a runner has it."""
        return self.status == "in_progress" or (self.is_done and self.conclusion != "skipped")

    @property
    def is_done(self) -> bool:
        """True once the forge knows how it ended."""
        return self.status == "completed"


@dataclass(frozen=True)
class Pod:
    """A runner pod, as far as the demo tells of it. `created` is the API server's time, e.g. 2026-01-31T12:00:00Z."""

    name: str
    namespace: str
    pool: str
    created: str
    phase: str = "Pending"
    node: str = ""
    gpus: int = 0
    is_registered: bool = False
    is_online: bool = False
    job: str = ""
    is_leaving: bool = False

    @property
    def has_ended(self) -> bool:
        """True once its containers have ended, so that it holds no GPU."""
        return self.phase in ("Succeeded", "Failed")


@dataclass(frozen=True)
class Snapshot:
    """Everything that the demo looks at, at one moment."""

    run_status: str = ""
    run_conclusion: str = ""
    jobs: Mapping[str, Job] = field(default_factory=dict)
    pods: Mapping[str, Pod] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """True once the whole run has ended; Gitea calls a failed run completed before its `always()` jobs began."""
        return self.run_status == "completed" and all(job.is_done for job in self.jobs.values())


def job(answer: Mapping[str, Any]) -> Job:
    """A job from the answer of GitHub's REST, or Gitea's."""
    return Job(
        id=int(answer["id"]),
        name=str(answer["name"]),
        status=str(answer["status"]),
        conclusion=str(answer.get("conclusion") or ""),
        runner=str(answer.get("runner_name") or ""),
    )


def pod(answer: Mapping[str, Any]) -> Pod:
    """A pod from the JSON of the API server."""
    metadata, spec, status = answer["metadata"], answer["spec"], answer.get("status", {})
    annotations = metadata.get("annotations", {})
    limits = [container.get("resources", {}).get("limits", {}) for container in spec["containers"]]
    online = [c for c in status.get("conditions", []) if c["type"] == contract.ONLINE_GATE and c["status"] == "True"]
    return Pod(
        name=str(metadata["name"]),
        namespace=str(metadata["namespace"]),
        pool=str(metadata["labels"][contract.POOL_LABEL]),
        created=str(metadata["creationTimestamp"]),
        phase=str(status.get("phase", "Pending")),
        node=str(spec.get("nodeName", "")),
        gpus=sum(int(limit.get(GPU, 0)) for limit in limits),
        is_registered=contract.RUNNER_ID_ANNOTATION in annotations,
        is_online=bool(online),
        job=str(annotations.get(contract.BUSY_ANNOTATION, "")),
        is_leaving="deletionTimestamp" in metadata,
    )
