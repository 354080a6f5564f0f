"""The smoke test's client for its API server: apply, list, delete, patch, by the kinds that the server knows."""

import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError


class Refused(Exception):  # noqa: N818 - an answer, not a mistake
    """The API server said no; the text is its reason."""


class Cluster:
    """Requests as the lab's administrator."""

    def __init__(self, url: str, pki: Path) -> None:
        self._url = url
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def request(self, method: str, path: str, body: object = None, content: str = "application/json") -> dict[str, Any]:
        """The answer. Raises Refused."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": content}, method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=30) as answer:
                parsed: dict[str, Any] = json.load(answer)
                return parsed
        except HTTPError as error:
            raise Refused(json.loads(error.read()).get("message", str(error))) from None

    def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """The new object. Raises Refused."""
        return self.request("POST", self._collection(manifest), manifest)

    def _collection(self, manifest: dict[str, Any]) -> str:
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        known = self.request("GET", root)["resources"]
        (plural,) = [entry["name"] for entry in known if entry["kind"] == kind and "/" not in entry["name"]]
        namespace = manifest["metadata"].get("namespace")
        return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"
