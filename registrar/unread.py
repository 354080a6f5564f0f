"""Unread: objects as the API server gave them, each to be read by itself: what is odd in one costs no other.

lightkube reads a list as a whole, so one moment that Python does not have (the year 0, or 10000, which every client may
write into `managedFields`) would hide all pods of a namespace.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

from lightkube.core.resource import NamespacedResourceG, NamespacedSubResource
from lightkube.models.apps_v1 import Deployment as DeploymentModel
from lightkube.models.core_v1 import Pod as PodModel
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Event, Pod, PodStatus

Model = TypeVar("Model", PodModel, DeploymentModel)

# What an object is read without where it cannot be read with it: it is known all the same, and whose it is.
_LEFT_OUT: Final = ((), ("status",), ("status", "spec"))


class Unread:
    """One object. What is nobody's business here, and anybody's to write, is never read."""

    def __init__(self, value: object) -> None:
        fields = value if isinstance(value, Mapping) else {}
        self._fields = {key: fields[key] for key in ("spec", "status") if key in fields}
        metadata = fields.get("metadata")
        known = metadata if isinstance(metadata, Mapping) else {}
        texts = {key: _texts(known.get(key)) for key in ("labels", "annotations")}
        self._metadata: dict[str, Any] = {key: known[key] for key in known if key != "managedFields"} | texts

    @property
    def metadata(self) -> ObjectMeta:
        """From where a watch goes on."""
        version = self._metadata.get("resourceVersion")
        return ObjectMeta(resourceVersion=version if isinstance(version, str) else None)

    @property
    def name(self) -> str:
        """For the log: "" where it has none."""
        return str(self._metadata.get("name", ""))[:300]

    def has_label(self, key: str) -> bool:
        """Whether it carries a label."""
        return key in self._metadata["labels"]

    def read(self, model: type[Model]) -> Model | None:
        """As far as it can be read; None where not even whose it is can be."""
        if not self._metadata.get("name"):
            return None
        for left_out in _LEFT_OUT:
            fields = {key: value for key, value in self._fields.items() if key not in left_out}
            try:
                return cast("Model", model.from_dict({**fields, "metadata": self._metadata}))
            except (ValueError, TypeError, RecursionError):
                continue
        return None


def _texts(value: object) -> dict[str, str]:
    """lightkube says that these are texts, and does not look."""
    entries = value.items() if isinstance(value, Mapping) else ()
    return {key: text for key, text in entries if isinstance(key, str) and isinstance(text, str)}


class UnreadPod(Unread, NamespacedResourceG):
    """A pod."""

    _api_info = Pod._api_info


class UnreadPodStatus(Unread, NamespacedSubResource):
    """A pod, as a change through its status is answered."""

    _api_info = PodStatus._api_info


class UnreadDeployment(Unread, NamespacedResourceG):
    """A Deployment."""

    _api_info = Deployment._api_info


class UnreadEvent(Unread, NamespacedResourceG):
    """An Event; whoever knows its name may have written one before us."""

    _api_info = Event._api_info
