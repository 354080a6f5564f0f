from datetime import UTC, datetime

from lab.s3_client import Client, signed_headers

NOW = datetime(2013, 5, 24, tzinfo=UTC)
CLIENT = Client("http://127.0.0.1:7070", "us-east-1", "KEY", "secret")


def test_a_signature_covers_method_path_body_and_time() -> None:
    def signature(method: str = "PUT", path: str = "/b/k", body: bytes = b"x", now: datetime = NOW) -> str:
        return signed_headers(CLIENT, method, path, body, now)["authorization"].rsplit("Signature=", 1)[1]

    others = {
        signature(method="HEAD"),
        signature(path="/b/other"),
        signature(body=b"y"),
        signature(now=NOW.replace(hour=1)),
    }
    assert signature() == signature()
    assert len({signature(), *others}) == 5


def test_the_header_names_key_scope_and_signed_headers() -> None:
    header = signed_headers(CLIENT, "HEAD", "/b", b"", NOW)["authorization"]
    assert header.startswith(
        "AWS4-HMAC-SHA256 Credential=KEY/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="
    )


def test_the_secret_key_is_in_no_header() -> None:
    assert "secret" not in str(signed_headers(CLIENT, "PUT", "/b/k", b"", NOW))
