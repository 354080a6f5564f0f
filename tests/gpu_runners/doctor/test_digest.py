"""The digest of a tag, from a registry that wants an anonymous token first, as ghcr.io and Docker Hub do."""

from aiohttp import web

from gpu_runners.doctor.registry import digest_of
from tests.gpu_runners.serving import serving

DIGEST = f"sha256:{'a' * 64}"


def registry(digest: str, *, status: int = 200) -> web.Application:
    async def manifest(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer anonymous":
            realm = f"http://{request.host}/token"
            return web.Response(
                status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}",service="r",scope="s"'}
            )
        return web.Response(status=status, headers={"Docker-Content-Digest": digest} if digest else {})

    async def token(_: web.Request) -> web.Response:
        return web.json_response({"token": "anonymous"})

    application = web.Application()
    application.router.add_get("/v2/ml/cuda/manifests/{tag}", manifest)  # HEAD too
    application.router.add_get("/token", token)
    return application


def asked(application: web.Application, image: str = "ml/cuda:12") -> tuple[str, str]:
    with serving(application) as url:
        return digest_of(f"{url.removeprefix('http://')}/{image}")


def test_a_tag_s_digest_is_the_registry_s_own() -> None:
    assert asked(registry(DIGEST)) == (DIGEST, "")


def test_a_registry_that_tells_none_or_nonsense_gives_none() -> None:
    for digest in ("", "sha256:a", f"{DIGEST}; rm -rf /"):
        found, why = asked(registry(digest))
        assert found == ""
        assert "tells no digest" in why


def test_why_no_digest_is_known_is_said() -> None:
    assert "has no such image" in asked(registry("", status=404))[1]
    assert digest_of("127.0.0.1:1/ml/cuda:12") == ("", "127.0.0.1:1 does not answer")
    assert "no registry that can be asked" in digest_of("lab.local/cuda:lab")[1]
