"""ClusterConnection: the one way in which commands ask an API server and change what is there."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any, Final, Self

import httpx2
import msgspec
from lightkube.core.exceptions import ConfigError

from access.cluster.choice import ClusterChoice
from access.cluster.errors import ClusterChoiceError, ClusterLoginError, ClusterRefusedError, ClusterUnreachableError
from access.cluster.kubeconfig import read_kubeconfig
from access.cluster.login import http_client
from values.lines import Lines
from values.managed_fields import without_managed_fields

TIMEOUT_SECONDS: Final = 15.0
PAGE: Final = 500
JSON: Final = "application/json"
LONGEST_MESSAGE: Final = 300


class ClusterConnection:
    """A connection to the API server. Use it as a context manager, from one thread.

    Everything raises ClusterUnreachableError without a usable answer, and ClusterRefusedError for one that says no.
    """

    def __init__(self, choice: ClusterChoice) -> None:
        """Raises ClusterChoiceError."""
        config = read_kubeconfig(choice)
        self.server, self.context = config.cluster.server, config.context_name
        try:
            self._http = http_client(config, TIMEOUT_SECONDS)
        except (ConfigError, OSError, TypeError, ValueError, httpx2.InvalidURL) as error:
            found = f"the credential for the Kubernetes API server {self.server} cannot be used: {error}"
            cure = f"Correct the context {self.context} of the kubeconfig; `kubectl config view --minify` shows it"
            raise ClusterChoiceError(found, cure) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, parameters: Mapping[str, str] | None = None, *, accept: str = JSON) -> dict[str, Any]:
        """The JSON object at a path."""
        return self.send("GET", path, parameters=parameters, accept=accept)

    def find(self, path: str, *, accept: str = JSON) -> dict[str, Any] | None:
        """The JSON object at a path, None where there is none."""
        try:
            return self.get(path, accept=accept)
        except ClusterRefusedError as error:
            if error.status == 404:
                return None
            raise

    def items(
        self, path: str, selectors: Mapping[str, str] | None = None, *, accept: str = JSON
    ) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page: each has its metadata."""
        parameters = {**(selectors or {}), "limit": str(PAGE)}
        while True:
            page = self.get(path, parameters, accept=accept)
            items, metadata = page.get("items") or [], page.get("metadata") or {}
            if not (isinstance(items, list) and all(map(_is_object, items)) and isinstance(metadata, dict)):
                raise self._unreachable(f"its answer to GET {path} is no list of objects")
            yield from items
            following = metadata.get("continue") or ""
            if not following:
                return
            if not isinstance(following, str) or following == parameters.get("continue"):
                raise self._unreachable(f"its list at {path} has no end")
            parameters["continue"] = following

    def watch(self, path: str, parameters: Mapping[str, str], seconds: int) -> Generator[dict[str, Any], None, None]:
        """What happens to the objects at a path: {type, object}, as it happens, for so many seconds at most."""
        wanted = {**parameters, "watch": "true", "timeoutSeconds": str(seconds)}
        patience = httpx2.Timeout(TIMEOUT_SECONDS, read=seconds + TIMEOUT_SECONDS)
        try:
            with self._http.stream("GET", path, params=wanted, headers={"Accept": JSON}, timeout=patience) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _refused("GET", path, answer)
                for line in _lines(answer.iter_bytes()):
                    yield self._event(path, line)
        except (httpx2.HTTPError, httpx2.InvalidURL, ConfigError) as error:
            raise self._unanswered(error) from error

    def _event(self, path: str, line: bytes) -> dict[str, Any]:
        event = _decoded(line)
        if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
            raise self._unreachable(f"what it tells of {path} is no event")
        return event

    def send(
        self,
        method: str,
        path: str,
        *,
        body: str | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        parameters: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The JSON object that answers a request; body is JSON or YAML."""
        headers = {"Accept": accept, **({} if body is None else {"Content-Type": content_type})}
        try:
            answer = self._http.request(method, path, content=body, headers=headers, params=dict(parameters or {}))
        except (httpx2.HTTPError, httpx2.InvalidURL, ConfigError) as error:
            raise self._unanswered(error) from error
        if not answer.is_success:
            raise _refused(method, path, answer)
        content = _decoded(answer.content)
        if not isinstance(content, dict):
            raise self._unreachable(f"its answer to {method} {path} is no JSON object")
        return content

    def _unanswered(self, error: Exception) -> ClusterUnreachableError:
        """ConfigError is what our own login raises where it has nothing to show."""
        kind = ClusterLoginError if isinstance(error, ConfigError) else ClusterUnreachableError
        return self._unreachable(str(error) or type(error).__name__, kind)

    def _unreachable(
        self, why: str, kind: type[ClusterUnreachableError] = ClusterUnreachableError
    ) -> ClusterUnreachableError:
        found = f"the Kubernetes API server {self.server} cannot be used: {why}"
        cure = "Check the kubeconfig, the network and the credential's expiry with `kubectl version`"
        return kind(found, cure)


def _decoded(text: bytes) -> object:
    """JSON, None for what is none. Of `managedFields`, which every client may write, only what can be read."""
    for shorten in (bytes, without_managed_fields):
        try:
            return msgspec.json.decode(shorten(text))  # six times as fast as `json`: lists have megabytes
        except (ValueError, RecursionError):
            continue
    return None


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a watch."""
    lines = Lines()
    for chunk in chunks:
        yield from lines.of(chunk)
    if last := lines.rest():
        yield last


def _is_object(item: object) -> bool:
    metadata = item.get("metadata") if isinstance(item, dict) else None
    return isinstance(metadata, dict) and isinstance(metadata.get("name", ""), str)


def _refused(method: str, path: str, answer: httpx2.Response) -> ClusterRefusedError:
    try:
        message = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        message = answer.text
    message = message.strip()[:LONGEST_MESSAGE]
    found = f"{method} {path}: {answer.status_code} {message}".rstrip()
    if answer.status_code == 401:
        cure = "Renew the credential in the kubeconfig; `kubectl auth whoami` tells whether it is taken"
    else:
        cure = "Use a kubeconfig that may do this; `kubectl auth can-i --list` shows what it may"
    return ClusterRefusedError(found, cure, status=answer.status_code, message=message)
