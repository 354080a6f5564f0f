"""Reads whose jobs may act as an environment's deployer or previewer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from config.fields import Section
from config.kinds import TextKind, text_kind
from config.names import read_own_namespace
from config.repositories import REPOSITORY_KIND
from values.accounts import AUDITOR, DEPLOYER, PREVIEWER
from values.grant import JobGrant
from values.kubernetes_syntax import DNS_LABEL, is_dns_label
from values.scope import Scope
from values.workflow import ALLOWED, PULL_REQUESTS, WorkflowRef, is_workflow, is_workflow_of_branch, parse_workflow

EXAMPLE: Final = ".github/workflows/deploy.yml@refs/heads/main"
STACK_KIND: Final = text_kind(
    is_dns_label,
    "the name of the stack that may be deployed, as a DNS-1123 label",
    "write the name that `pulumi stack ls` shows, in lower case",
    {"pattern": f"^{DNS_LABEL}$"},
)
DEPLOYING_KIND: Final = text_kind(is_workflow_of_branch, f"{ALLOWED}: no pull request deploys", f"write e.g. {EXAMPLE}")
AUDITING_KIND: Final = text_kind(
    is_workflow_of_branch,
    f"{ALLOWED}: no pull request looks at a platform",
    "write e.g. .github/workflows/drift.yml@refs/heads/main",
)
LOOKING_KIND: Final = text_kind(
    is_workflow, f"{ALLOWED}, or FILE@{PULL_REQUESTS} for pull requests of the repository", f"write e.g. {EXAMPLE}"
)


@dataclass(frozen=True)
class JobsConfig:
    """Whose jobs: workflows of a repository, None for the one that their runners belong to."""

    repository: Scope | None
    workflows: tuple[WorkflowRef, ...]


@dataclass(frozen=True)
class DeployerConfig:
    """Who may deploy an environment: the ServiceAccount `deployer` of a namespace, for one stack, and jobs as it."""

    namespace: str
    stack: str
    jobs: JobsConfig


@dataclass(frozen=True)
class PreviewerConfig:
    """Which jobs may look as the ServiceAccount `previewer` of a namespace, "" for the deployer's."""

    namespace: str
    jobs: JobsConfig


@dataclass(frozen=True)
class AuditorConfig:
    """Which jobs may look at the whole platform as the ServiceAccount `auditor` of a namespace."""

    namespace: str
    jobs: JobsConfig


def read_deployer(section: Section) -> DeployerConfig:
    """The field `deployer` of an environment."""
    section.known("namespace", "stack", "workflows", "repository")
    stack = section.text("stack", STACK_KIND)
    return DeployerConfig(read_own_namespace(section, "namespace"), stack, _read_jobs(section, DEPLOYING_KIND))


def read_previewer(section: Section) -> PreviewerConfig:
    """The field `previewer` of an environment."""
    section.known("namespace", "workflows", "repository")
    namespace = read_own_namespace(section, "namespace", required=False)
    return PreviewerConfig(namespace, _read_jobs(section, LOOKING_KIND))


def read_auditor(section: Section) -> AuditorConfig:
    """The field `auditor` of a platform. No pull request's workflow: its code would see the whole platform."""
    section.known("namespace", "workflows", "repository")
    return AuditorConfig(read_own_namespace(section, "namespace"), _read_jobs(section, AUDITING_KIND))


def _read_jobs(section: Section, kind: TextKind) -> JobsConfig:
    texts = section.texts("workflows", kind)
    if not section.value("workflows"):
        cure = f"name the workflow that runs it, e.g. [{EXAMPLE}]"
        section.note("workflows", "nothing", f"at least one {kind.allowed}", cure)
    section.once("workflows", texts)
    repository = section.optional_text("repository", REPOSITORY_KIND)
    return JobsConfig(
        repository=Scope(repository) if repository else None,
        workflows=tuple(parse_workflow(text) for text in texts if kind.check(text)),
    )


@dataclass(frozen=True)
class Granted:
    """Jobs as a stack file grants them: `key` is where, `scope` what the runners of `namespace` belong to."""

    key: str
    account: str
    namespace: str
    scope: Scope
    jobs: JobsConfig

    @property
    def repository(self) -> Scope | None:
        """The workflows'; None where nothing says which it is."""
        return self.jobs.repository or (self.scope if self.scope.is_repository else None)

    @property
    def grant(self) -> JobGrant | None:
        """For the registrar; None where it would not know the repository."""
        if self.repository is None:
            return None
        return JobGrant(account=self.account, repository=self.repository, workflows=self.jobs.workflows)


def granted_jobs(environments: Iterable[tuple[str, DeployerConfig | None, PreviewerConfig | None]],
                 auditor: AuditorConfig | None, scopes: dict[str, Scope]) -> Iterator[Granted]:  # fmt: skip
    """Of each environment at its key, and the auditor's; scopes are those of the namespaces that hold runners."""
    if auditor is not None and auditor.namespace in scopes:
        yield Granted(AUDITOR, AUDITOR, auditor.namespace, scopes[auditor.namespace], auditor.jobs)
    for key, deployer, previewer in environments:
        if deployer is None:
            continue
        if deployer.namespace in scopes:
            scope = scopes[deployer.namespace]
            yield Granted(f"{key}.{DEPLOYER}", DEPLOYER, deployer.namespace, scope, deployer.jobs)
        namespace = (previewer.namespace if previewer else "") or deployer.namespace
        if previewer is not None and namespace in scopes:
            yield Granted(f"{key}.{PREVIEWER}", PREVIEWER, namespace, scopes[namespace], previewer.jobs)


def check_jobs(platform: Section, granted: Iterable[Granted]) -> None:
    """Notes jobs whose repository is unknown or not the runners', and accounts that differ between environments."""
    first: dict[tuple[str, str], Granted] = {}
    for jobs in granted:
        repository, scope = jobs.repository, jobs.scope
        if repository is None:
            found = f"nothing, and the runners of {jobs.namespace} belong to {scope.path or 'the whole forge'}"
            cure = "name the repository whose workflows these are"
            platform.note(f"{jobs.key}.repository", found, "owner/repository", cure)
        elif not _serves(scope, repository):
            found, allowed = (
                str(repository),
                f"a repository of {scope}, to which the runners of {jobs.namespace} belong",
            )
            platform.note(
                f"{jobs.key}.repository",
                found,
                allowed,
                f"name one of these, or give the runners of {jobs.namespace} the scope of {repository}",
            )
        other = first.setdefault((jobs.namespace, jobs.account), jobs)
        if (other.repository, set(other.jobs.workflows)) != (repository, set(jobs.jobs.workflows)):
            found = f"other workflows than {other.key}, with the same account {jobs.account} of {jobs.namespace}"
            cure = "give base runners of other workflows a namespace of their own: an account has the rights of all"
            platform.note(f"{jobs.key}.workflows", found, f"those of {other.key}", cure)


def _serves(scope: Scope, repository: Scope) -> bool:
    path, wanted = scope.path.lower(), repository.path.lower()
    return not path or wanted == path or wanted.startswith(f"{path}/")
