"""DeclaredPool: a pool as its Deployment declares it. Trusts nothing to be there."""

from dataclasses import dataclass

from lightkube.models.apps_v1 import Deployment

from registrar.untrusted import MalformedError, identifier_or_none, runner_labels
from values import contract


@dataclass(frozen=True, kw_only=True)
class DeclaredPool:
    """A pool as somebody wrote it: `labels` are empty where they are malformed, `most` None where nothing bounds it."""

    namespace: str
    deployment: str
    name: str
    labels: frozenset[str]
    most: int | None = None

    @property
    def key(self) -> str:
        """As the queue names it."""
        return f"{self.namespace}/{self.name}"


def read_declared_pool(deployment: Deployment) -> DeclaredPool:
    """A Deployment that carries the pool label."""
    metadata, spec = deployment.metadata, deployment.spec
    template = spec.template.metadata if spec is not None else None
    annotations = (metadata.annotations if metadata else None) or {}
    try:
        labels = runner_labels(((template and template.annotations) or {}).get(contract.RUNNER_LABELS_ANNOTATION, ""))
    except MalformedError:
        labels = ()
    return DeclaredPool(
        namespace=(metadata and metadata.namespace) or "",
        deployment=(metadata and metadata.name) or "",
        name=((template and template.labels) or {}).get(contract.POOL_LABEL, ""),
        labels=frozenset(labels),
        most=identifier_or_none(annotations.get(contract.MOST_RUNNERS_ANNOTATION)),
    )
