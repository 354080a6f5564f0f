"""Requests to the S3 server as somebody writes them who has a key, or none, and wants more than it opens."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from lab.s3_client import ALGORITHM, Answer, Client, canonical_query, send, signed_headers, signing_key

# Everything that S3 does beside an object's own GET, HEAD, PUT and DELETE, of a bucket or of an object.
SUBRESOURCES = (
    "accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory",
    "legal-hold", "lifecycle", "list-type=2", "location", "logging", "metrics", "notification", "object-lock",
    "ownershipControls", "partNumber=1&uploadId=x", "policy", "policyStatus", "publicAccessBlock", "replication",
    "requestPayment", "restore", "retention", "select&select-type=2", "tagging", "torrent", "uploadId=x", "uploads",
    "versionId=null", "versioning", "versions", "website",
)  # fmt: skip
ADMIN_CALLS = (
    "/create-user", "/update-user", "/delete-user", "/list-users", "/change-bucket-owner", "/list-buckets",
    "/taken-over/create",
)  # fmt: skip


def query_of(subresource: str) -> dict[str, str]:
    """A subresource as a query: `list-type=2`, `acl` …"""
    parts = (part.partition("=") for part in subresource.split("&"))
    return {name: value for name, _, value in parts}


@dataclass(frozen=True)
class Attacker:
    """Whoever holds a key."""

    client: Client

    def ask(
        self, method: str, path: str, body: bytes = b"", *, query: dict[str, str] | None = None, **headers: str
    ) -> Answer:
        """A request with its right signature; headers as `x_amz_copy_source="…"`."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.ask(method, path, body, query=query, headers=more)

    def as_it_is(self, method: str, target: str, body: bytes = b"") -> Answer:
        """A path that no client would clean up, signed as it is sent."""
        payload = hashlib.sha256(body).hexdigest()
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": self._host, "x-amz-content-sha256": payload, "x-amz-date": now}
        names = ";".join(sorted(headers))
        listed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        path, _, query = target.partition("?")
        request = "\n".join([method, path, query, listed, names, payload])
        credential, signature = self._signature(now, request)
        authorization = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        return send(self.client.endpoint, method, target, body, {**headers, "authorization": authorization})

    def presigned(self, method: str, path: str, body: bytes = b"") -> Answer:
        """A request whose signature is in its URL, as it is passed on to others."""
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{self.client.access_key}/{now[:8]}/{self.client.region}/s3/aws4_request"
        query = {
            "X-Amz-Algorithm": ALGORITHM, "X-Amz-Credential": scope, "X-Amz-Date": now, "X-Amz-Expires": "600",
            "X-Amz-SignedHeaders": "host",
        }  # fmt: skip
        request = "\n".join([method, path, canonical_query(query), f"host:{self._host}\n", "host", "UNSIGNED-PAYLOAD"])
        _, signature = self._signature(now, request)
        target = f"{path}?{canonical_query(query)}&X-Amz-Signature={signature}"
        return send(self.client.endpoint, method, target, body, {})

    def with_the_signature_of(self, signed: str, path: str, method: str = "GET") -> Answer:
        """A signature for one path on the request for another."""
        headers = signed_headers(self.client, method, signed, b"", datetime.now(UTC))
        return send(self.client.endpoint, method, path, b"", headers)

    @property
    def _host(self) -> str:
        return urlsplit(self.client.endpoint).netloc

    def _signature(self, now: str, request: str) -> tuple[str, str]:
        scope = f"{now[:8]}/{self.client.region}/s3/aws4_request"
        to_sign = "\n".join([ALGORITHM, now, scope, hashlib.sha256(request.encode()).hexdigest()])
        signature = hmac.digest(signing_key(self.client, now[:8]), to_sign.encode(), "sha256").hex()
        return f"{self.client.access_key}/{scope}", signature
