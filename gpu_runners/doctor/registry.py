"""Asks registries for manifests of images as a node would: with a pull Secret's login, else without. Reads no layer."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import httpx2

from gpu_runners.doctor.core.findings import Finding
from gpu_runners.doctor.core.images import Image, Pull, challenge, login_for, parse_image, verdict
from values.registry_login import RegistryLogin

TIMEOUT_SECONDS: Final = 10.0
_TOKEN: Final = re.compile(r"[ -~]{1,65536}")  # of a header
_MOST_BYTES: Final = 2**20
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
ACCEPT: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


def images(pulls: Iterable[Pull]) -> Iterator[Finding]:
    """A finding for each image with the same pull Secrets, once."""
    with httpx2.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as http:
        for pull in dict.fromkeys(pulls):
            image = parse_image(pull.image)
            login = login_for(image, pull)
            status = 0 if image.is_unaskable else _asked(http, image, login)[0]
            yield verdict(image, status, pull, is_logged_in=login is not None)


def digest_of(text: str) -> tuple[str, str]:
    """The digest that an image has now, asked without a login; or "" and why it is not known."""
    image = parse_image(text)
    if image.is_unaskable:
        return "", f"{image.host} is no registry that can be asked"
    with httpx2.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as http:
        status, digest = _asked(http, image, None)
    if status == 200 and DIGEST.fullmatch(digest):
        return digest, ""
    if status == 200:
        return "", f"{image.host} tells no digest of it"
    return "", verdict(image, status, Pull(text), is_logged_in=False).found


def _asked(http: httpx2.Client, image: Image, login: RegistryLogin | None) -> tuple[int, str]:
    """The status of the registry's answer, 0 without one, and the digest in it."""
    url = f"{image.api}/v2/{image.repository}/manifests/{image.reference}"
    try:
        answer = http.head(url, headers={"Accept": ACCEPT})
        if answer.status_code == 401:
            asked = answer.headers.get("www-authenticate", "")
            if login and asked.lower().startswith("basic"):
                answer = http.head(url, headers={"Accept": ACCEPT}, auth=(login.user, login.password))
            elif token := _token(http, asked, login):
                answer = http.head(url, headers={"Accept": ACCEPT, "Authorization": f"Bearer {token}"})
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return 0, ""
    return answer.status_code, answer.headers.get("docker-content-digest", "")


def _token(http: httpx2.Client, header: str, login: RegistryLogin | None) -> str:
    """A token, anonymous without a login; "" where the registry gives none."""
    asked = challenge(header)
    realm = httpx2.URL(asked.pop("realm", ""))
    if realm.scheme != "https" and (realm.scheme, realm.host) not in (("http", "localhost"), ("http", "127.0.0.1")):
        return ""
    # As every client does: a registry says itself who gives its tokens, e.g. auth.docker.io.
    proof = (login.user, login.password) if login else None
    with http.stream("GET", realm, params=asked, auth=proof) as answer:
        document = _document(answer) if answer.is_success else None
    named = (document.get(name) for name in ("token", "access_token")) if isinstance(document, dict) else ()
    return next((token for token in named if isinstance(token, str) and _TOKEN.fullmatch(token)), "")


def _document(answer: httpx2.Response) -> Any:
    """The JSON of an answer, None where it is none or longer than one with a token."""
    body = bytearray()
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > _MOST_BYTES:
            return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
