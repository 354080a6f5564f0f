"""The few S3 calls that the lab makes itself, signed by hand: make a bucket, put an object, ask whether it is there.

A client library would be the largest dependency of the lab for three requests.
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
class Client:
    """An S3 endpoint (path style) and the keys to sign with."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str

    def create_bucket(self, bucket: str) -> None:
        """Makes a bucket; one that exists already is fine."""
        self._call("PUT", f"/{bucket}", allowed=(409,))

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Stores an object."""
        self._call("PUT", f"/{bucket}/{key}", body)

    def exists(self, bucket: str, key: str) -> bool:
        """True where the object is there."""
        return self._call("HEAD", f"/{bucket}/{key}", allowed=(404,)) == 200

    def _call(self, method: str, path: str, body: bytes = b"", allowed: tuple[int, ...] = ()) -> int:
        """Sends one request; returns its status. Raises LabError for a refusal that is not in `allowed`."""
        headers = signed_headers(self, method, path, body, datetime.now(UTC))
        request = urllib.request.Request(self.endpoint + quote(path), data=body or None, method=method, headers=headers)  # noqa: S310
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the lab is never behind a proxy
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            if refusal.code in allowed:
                return refusal.code
            text = refusal.read().decode(errors="replace")[:300]
            raise LabError(f"S3 {method} {path}: {refusal.code} {text}") from None
        except OSError as failure:
            raise LabError(f"S3 {method} {path}: no answer from {self.endpoint} ({failure}): is the lab up?") from None


def signed_headers(client: Client, method: str, path: str, body: bytes, now: datetime) -> Mapping[str, str]:
    """The headers of a request signed with AWS Signature Version 4. `now` is in UTC."""
    moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    payload = hashlib.sha256(body).hexdigest()
    headers = {"host": urlsplit(client.endpoint).netloc, "x-amz-content-sha256": payload, "x-amz-date": moment}
    names = ";".join(sorted(headers))
    listed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join([method, quote(path), "", listed, names, payload])
    scope = f"{day}/{client.region}/s3/aws4_request"
    to_sign = "\n".join([ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{client.secret_key}".encode()
    for part in (day, client.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"Credential={client.access_key}/{scope}"
    return {**headers, "authorization": f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"}
