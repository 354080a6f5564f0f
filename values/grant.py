"""Grant: whose pods may become runners, and of what; JobGrant: which of their jobs may act in the cluster."""

from dataclasses import dataclass

from values.scope import Scope
from values.workflow import WorkflowRef


@dataclass(frozen=True, kw_only=True)
class JobGrant:
    """Jobs of these workflows of `repository` may act as the ServiceAccount `account` while they run.

    The account lives in the namespace of the Grant that this is part of, and their runners are that namespace's pods.
    """

    account: str
    repository: Scope
    workflows: tuple[WorkflowRef, ...]


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Pods of `namespace` under one of `service_accounts` may become runners of `scope`.

    The namespace is the trust zone: whoever may create pods there can obtain a runner of the scope. runner_group is the
    forge's group for these runners, None for its default one and where it has no groups. labels are those
    that its pods may offer, None for any. jobs: as whom jobs on its pods may act in the cluster. autoscaler: the
    certificate (PEM) that the autoscaler of its pools shows, "" where it has none. rerun_lost_jobs: whether a job that
    is lost with its runner is run again, once.
    """

    namespace: str
    scope: Scope
    service_accounts: tuple[str, ...]
    runner_group: str | None = None
    labels: frozenset[str] | None = None
    jobs: tuple[JobGrant, ...] = ()
    autoscaler: str = ""
    rerun_lost_jobs: bool = False

    def job_grant(self, account: str) -> JobGrant | None:
        """What jobs must be to act as an account; None where none may."""
        return next((grant for grant in self.jobs if grant.account == account), None)
