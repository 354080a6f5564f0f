"""A client of the stand-in: GitHub's REST with one token, and its own door under /_lab for what people do by hand."""

from typing import Any

import httpx2

from lab.errors import LabError
from lab.github import daemon

TIMEOUT_SECONDS = 20.0


class Client:
    """Every method raises LabError unless the answer is 2xx, or 404 where nothing there is an answer as well."""

    def __init__(self, token: str, url: str = daemon.URL) -> None:
        # trust_env: a proxy of this machine knows no way to the lab's bridge
        self._http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_SECONDS,
            trust_env=False, follow_redirects=True,
        )  # fmt: skip
        self._known: dict[str, httpx2.Response] = {}

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON at a path of the API. What has not changed since costs nothing of the hour."""
        key = f"{path}?{parameters}"
        known = self._known.get(key)
        given = {"If-None-Match": known.headers["ETag"]} if known else {}
        answer = self._call("GET", f"/api/v3{path}", allowed=(304,), params=parameters, headers=given)
        if known and answer.status_code == httpx2.codes.NOT_MODIFIED:
            return known.json()
        if "ETag" in answer.headers:
            self._known[key] = answer
        return answer.json()

    def find(self, path: str) -> Any | None:
        """The JSON at a path of the API, or None where there is nothing."""
        answer = self._call("GET", f"/api/v3{path}", allowed=(404,))
        return answer.json() if answer.is_success else None

    def text(self, path: str) -> str:
        """The text at a path of the API, empty where there is nothing (yet)."""
        answer = self._call("GET", f"/api/v3{path}", allowed=(404,))
        return answer.text if answer.is_success else ""

    def post(self, path: str, body: object, allowed: tuple[int, ...] = ()) -> Any:
        """Does something by the API; its answer, None without one."""
        answer = self._call("POST", f"/api/v3{path}", json=body, allowed=allowed)
        return answer.json() if answer.content else None

    def delete(self, path: str) -> None:
        """Deletes something by the API; what is not there is fine."""
        self._call("DELETE", f"/api/v3{path}", allowed=(404,))

    def arrange(self, path: str, body: object) -> None:
        """Puts something behind the stand-in's own door: a JSON object, or a text such as a workflow file."""
        if isinstance(body, str):
            self._call("PUT", f"/_lab{path}", content=body)
        else:
            self._call("PUT", f"/_lab{path}", json=body)

    def add_fault(self, fault: dict[str, Any]) -> None:
        """From now on it misbehaves like this: the fields of lab.github.faults.Fault."""
        self._call("POST", "/_lab/faults", json=fault)

    def clear_faults(self) -> None:
        """Everything works again."""
        self._call("DELETE", "/_lab/faults")

    def _call(self, method: str, path: str, *, allowed: tuple[int, ...] = (), **sent: Any) -> httpx2.Response:
        try:
            answer = self._http.request(method, path, **sent)
        except httpx2.TransportError as failure:
            raise LabError(f"the stand-in for GitHub did not answer {method} {path} ({failure}): is it up?") from None
        if not answer.is_success and answer.status_code not in allowed:
            text = answer.text[:300].strip()
            raise LabError(f"the stand-in for GitHub refused {method} {path}: {answer.status_code} {text}")
        return answer
