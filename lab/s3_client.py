"""The few S3 calls that the lab makes itself, signed by hand: buckets, objects, and the accounts of its server.

A client library would be the largest dependency of the lab for a handful of requests.
"""

import hashlib
import hmac
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from lab.errors import LabError

TIMEOUT_SECONDS = 20
ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Client:
    """An S3 endpoint (path style) and the keys to sign with."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str

    def create_bucket(self, bucket: str) -> None:
        """Makes a bucket; one that exists already is fine."""
        self.call("PUT", f"/{bucket}", allowed=(409,))

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Stores an object."""
        self.call("PUT", f"/{bucket}/{key}", body)

    def exists(self, bucket: str, key: str) -> bool:
        """True where the object is there."""
        return self.call("HEAD", f"/{bucket}/{key}", allowed=(404,)).status == 200

    def call(
        self, method: str, path: str, body: bytes = b"", *, query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None, allowed: tuple[int, ...] = (),
    ) -> Answer:  # fmt: skip
        """Sends one request. Raises LabError for a refusal that is not in `allowed`."""
        answer = self.ask(method, path, body, query=query, headers=headers)
        if answer.status >= 300 and answer.status not in allowed:
            raise LabError(f"S3 {method} {path}: {answer.status} {answer.body.decode(errors='replace')[:300]}")
        return answer

    def ask(
        self, method: str, path: str, body: bytes = b"", *, query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """Sends one request and takes any answer. Raises LabError where there is none."""
        signed = signed_headers(self, method, path, body, datetime.now(UTC), query=query, more=headers)
        target = f"{quote(path)}?{canonical_query(query)}" if query else quote(path)
        return send(self.endpoint, method, target, body, signed)


def send(endpoint: str, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Sends a request as it is, signed or not. Raises LabError where there is no answer."""
    request = urllib.request.Request(endpoint + target, data=body or None, method=method, headers=dict(headers))  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the lab is never behind a proxy
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return Answer(int(answer.status), answer.read())
    except urllib.error.HTTPError as refusal:
        return Answer(refusal.code, refusal.read())
    except OSError as failure:
        raise LabError(f"S3 {method} {target}: no answer from {endpoint} ({failure}): is the lab up?") from None


def canonical_query(query: Mapping[str, str] | None) -> str:
    """A query as it is signed: sorted, every reserved character escaped."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted((query or {}).items()))


def signed_headers(
    client: Client, method: str, path: str, body: bytes, now: datetime, *, query: Mapping[str, str] | None = None,
    more: Mapping[str, str] | None = None,
) -> Mapping[str, str]:  # fmt: skip
    """The headers of a request signed with AWS Signature Version 4. `now` is in UTC; `more` are signed too."""
    moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    payload = hashlib.sha256(body).hexdigest()
    own = {"host": urlsplit(client.endpoint).netloc, "x-amz-content-sha256": payload, "x-amz-date": moment}
    headers = {**own, **(more or {})}
    names = ";".join(sorted(headers))
    listed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join([method, quote(path), canonical_query(query), listed, names, payload])
    scope = f"{day}/{client.region}/s3/aws4_request"
    to_sign = "\n".join([ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.digest(signing_key(client, day), to_sign.encode(), "sha256").hex()
    credential = f"Credential={client.access_key}/{scope}"
    return {**headers, "authorization": f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"}


def signing_key(client: Client, day: str) -> bytes:
    """What signs the requests of a day (YYYYMMDD)."""
    key = f"AWS4{client.secret_key}".encode()
    for part in (day, client.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
