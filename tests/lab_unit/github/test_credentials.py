"""The App's JWT, installation tokens and what they may do."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.github.stand_in import Github

RUNNERS = "/repos/mlops/guide/actions/runners"
TOKENS = "/app/installations/7/access_tokens"


async def test_the_app_finds_its_installation_and_gets_a_narrowed_token(github: Github) -> None:
    assert (await github.call("GET", "/app", token=github.signed()))[1]["slug"] == "gpu-runners"
    assert (await github.call("GET", "/app/installations", token=github.signed()))[1][0]["id"] == 7
    _, found, _ = await github.call(
        "GET", "/repos/mlops/guide/installation", token=github.signed(issuer="Iv23stand-in")
    )
    assert found["id"] == (await github.call("GET", "/orgs/mlops/installation", token=github.signed()))[1]["id"] == 7
    asked = {"permissions": {"administration": "read"}, "repositories": ["guide"]}
    status, token, _ = await github.call("POST", TOKENS, asked, token=github.signed())
    assert (status, token["permissions"]) == (201, {"administration": "read"})
    assert [repository["name"] for repository in token["repositories"]] == ["guide"]
    assert (await github.call("GET", RUNNERS, token=token["token"]))[0] == 200
    status, answer, headers = await github.call("DELETE", f"{RUNNERS}/1", token=token["token"])
    assert (status, headers["x-accepted-github-permissions"]) == (403, "administration=write")
    assert "not accessible" in answer["message"]


async def test_more_than_was_granted_is_refused(github: Github) -> None:
    asked = {"permissions": {"contents": "write"}}
    assert (await github.call("POST", TOKENS, asked, token=github.signed()))[0] == 422


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"issued": 120}, "iat"),
        ({"issued": -700}, "exp"),
        ({"lasts": 900}, "exp"),
    ],
)
async def test_a_jwt_from_another_time_is_refused(github: Github, claims: dict[str, float], why: str) -> None:
    status, answer, _ = await github.call("GET", "/app", token=github.signed(**claims))  # type: ignore[arg-type]
    assert status == 401
    assert why in answer["message"]


async def test_a_server_whose_clock_is_behind_refuses_a_jwt_that_is_right(github: Github) -> None:
    await github.arrange("PUT", "/clock", {"skew": -300})
    status, answer, headers = await github.call("GET", "/app", token=github.signed())
    assert status == 401
    assert "iat" in answer["message"]
    assert "date" in headers


async def test_a_token_ends_with_its_hour_or_by_hand(github: Github) -> None:
    _, token, _ = await github.call("POST", TOKENS, token=github.signed())
    assert (await github.call("GET", RUNNERS, token=token["token"]))[0] == 200
    await github.arrange("PUT", "/expire-tokens")
    assert (await github.call("GET", RUNNERS, token=token["token"]))[0] == 401
    await github.arrange("PUT", "/clock", {"token_seconds": -1})
    _, token, _ = await github.call("POST", TOKENS, token=github.signed())
    assert (await github.call("GET", RUNNERS, token=token["token"]))[0] == 401


async def test_nobody_gets_in_without_a_token_and_a_foreign_app_nowhere(github: Github) -> None:
    assert (await github.call("GET", RUNNERS, token="wrong"))[0] == 401
    assert (await github.call("GET", "/app", token="wrong"))[0] == 401
    assert (await github.call("GET", "/app", token=github.signed(issuer="2")))[0] == 404
    assert (await github.call("GET", "/orgs/others/installation", token=github.signed()))[0] == 404


async def test_two_apps_are_told_apart_by_their_keys(github: Github) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    installation = {"id": 8, "organization": "mlops", "permissions": {"metadata": "read"}}
    other = {"id": 2, "client_id": "Iv23other", "slug": "other", "public_key": pem, "installations": [installation]}
    await github.arrange("PUT", "/app", other)
    now = int(time.time())
    signed = jwt.encode({"iat": now - 60, "exp": now + 500, "iss": "2"}, key, algorithm="RS256")
    assert (await github.call("GET", "/app", token=signed))[1]["slug"] == "other"
    assert (await github.call("GET", "/app", token=github.signed()))[1]["slug"] == "gpu-runners"
    assert (await github.call("GET", "/app", token=github.signed(issuer="2")))[0] == 401
