"""Asks registries for the manifests of images, as a node without any credential would. No layer is read."""

from collections.abc import Iterable, Iterator
from typing import Final

import httpx2

from gpu_runners.doctor.core.findings import Finding
from gpu_runners.doctor.core.images import Image, challenge, parse_image, verdict

TIMEOUT_SECONDS: Final = 10.0
ACCEPT: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


def images(texts: Iterable[str]) -> Iterator[Finding]:
    """A finding for each image, once."""
    with httpx2.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as http:
        for text in dict.fromkeys(texts):
            image = parse_image(text)
            yield verdict(image, 0 if image.is_unaskable else _status(http, image))


def _status(http: httpx2.Client, image: Image) -> int:
    url = f"{image.api}/v2/{image.repository}/manifests/{image.reference}"
    try:
        answer = http.head(url, headers={"Accept": ACCEPT})
        if answer.status_code == 401:
            token = _token(http, answer.headers.get("www-authenticate", ""))
            if token:
                answer = http.head(url, headers={"Accept": ACCEPT, "Authorization": f"Bearer {token}"})
    except httpx2.HTTPError:
        return 0
    return answer.status_code


def _token(http: httpx2.Client, header: str) -> str:
    """An anonymous token, "" where the registry gives none."""
    asked = challenge(header)
    realm = asked.pop("realm", "")
    if not realm.startswith(("https://", "http://localhost", "http://127.0.0.1")):
        return ""
    answer = http.get(realm, params=asked)
    if not answer.is_success:
        return ""
    content = answer.json()
    return str(content.get("token") or content.get("access_token") or "")
