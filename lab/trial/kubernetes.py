"""The lab's API server as its administrator sees it: JSON in, JSON out, LabError when it refuses. Knows no runner."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2

from lab import control_plane
from lab.errors import LabError

TIMEOUT_SECONDS = 15.0
USER_AGENT = "gpu-runners-trial"  # so that the API server's audit log tells who looked on from who was measured

Json = dict[str, Any]


class KubernetesApi:
    """One connection pool; usable from several threads."""

    def __init__(self) -> None:
        context = ssl.create_default_context(cafile=str(control_plane.PKI / "ca.crt"))
        context.load_cert_chain(control_plane.PKI / "admin.crt", control_plane.PKI / "admin.key")
        self._http = httpx2.Client(
            base_url=control_plane.API, verify=context, timeout=TIMEOUT_SECONDS, trust_env=False,
            headers={"User-Agent": USER_AGENT},
        )  # fmt: skip

    def close(self) -> None:
        self._http.close()

    def find(self, path: str) -> Json | None:
        """The object at a path, or None."""
        answer = self._http.get(path)
        return None if answer.status_code == 404 else self._json(answer)

    def get(self, path: str) -> Json:
        """The object at a path."""
        return self._json(self._http.get(path))

    def text(self, path: str) -> str:
        """The text at a path, as of a log."""
        answer = self._http.get(path)
        return self._answered(answer).text

    def items(self, path: str, labels: str = "", fields: str = "") -> list[Json]:
        """The objects at a path."""
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        items: list[Json] = self._json(self._http.get(path, params={k: v for k, v in selectors.items() if v}))["items"]
        return items

    def attempt(self, method: str, path: str, body: Json, user: str = "") -> httpx2.Response:
        """The answer to what may well be refused, asked as another user if one is named; a patch is a merge."""
        headers = {"Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"}
        headers |= {"Impersonate-User": user} if user else {}
        return self._http.request(method, path, json=body, headers=headers)

    def create(self, path: str, body: Json) -> Json:
        """Creates an object in the collection at a path."""
        return self._json(self._http.post(path, json=body))

    def patch(self, path: str, body: Json, kind: str = "merge") -> None:
        """Merges fields into an object (kind: merge or strategic-merge); one that is gone is fine."""
        answer = self._http.patch(path, json=body, headers={"Content-Type": f"application/{kind}-patch+json"})
        if answer.status_code != 404:
            self._json(answer)

    def watch(self, path: str, fields: str = "") -> Iterator[tuple[str, Json]]:
        """What happens to the objects at a path from now on, after those that exist: (ADDED, MODIFIED …, object)."""
        selectors = {"watch": "true"} | ({"fieldSelector": fields} if fields else {})
        with self._http.stream("GET", path, params=selectors, timeout=None) as answer:
            for line in answer.iter_lines():
                event = json.loads(line)
                yield event["type"], event["object"]

    def delete(self, path: str, **options: object) -> None:
        """Deletes an object, whether it is there or not; options as in DeleteOptions."""
        answer = self._http.request("DELETE", path, json=options or None)
        if answer.status_code != 404:
            self._json(answer)

    @staticmethod
    def _json(answer: httpx2.Response) -> Json:
        document: Json = KubernetesApi._answered(answer).json()
        return document

    @staticmethod
    def _answered(answer: httpx2.Response) -> httpx2.Response:
        if not answer.is_success:
            asked = f"{answer.request.method} {answer.request.url}"
            raise LabError(f"the lab's API server refused {asked}: {answer.status_code} {answer.text}")
        return answer


class Births:
    """The objects that come to exist under a path while this is open: name → seconds since the beginning.

    Looks ten times a second, so that even what lives for a second only is seen.
    """

    def __init__(self, api: KubernetesApi, path: str, labels: str) -> None:
        self._api, self._path, self._labels = api, path, labels
        self._seen: dict[str, float] = {}
        self._start = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Births":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(TIMEOUT_SECONDS)

    def within(self, seconds: float) -> list[str] | None:
        """Those born within so many seconds of the first; None until these have passed."""
        seen = dict(self._seen)
        first = min(seen.values(), default=time.monotonic())
        if time.monotonic() - self._start < first + seconds:
            return None
        return [name for name, at in seen.items() if at <= first + seconds]

    def _look(self) -> None:
        while not self._over.wait(0.1):
            for item in self._api.items(self._path, self._labels):
                self._seen.setdefault(item["metadata"]["name"], time.monotonic() - self._start)
