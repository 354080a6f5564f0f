"""What is said about images, against a registry over HTTP that asks for an anonymous token, as the public ones do."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web

from gpu_runners.doctor.core.findings import State
from gpu_runners.doctor.core.images import Pull, parse_image
from gpu_runners.doctor.registry import images
from tests.gpu_runners.serving import serving
from values.registry_login import RegistryLogin, read_logins

RIGHT = "Basic Y2k6cmlnaHQ="
DIGEST = f"sha256:{'a' * 64}"


@dataclass
class Registry:
    """`public` repositories are given to everybody, `private` ones to nobody; all others do not exist."""

    public: dict[str, set[str]] = field(default_factory=lambda: {"ml/cuda": {"12.4", DIGEST}, "ml/secret": {"1"}})
    private: set[str] = field(default_factory=lambda: {"ml/secret"})
    seen: list[str] = field(default_factory=list)
    is_away: bool = False

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/token", self._token)
        application.router.add_route("HEAD", "/v2/{name:.+}/manifests/{reference}", self._manifest)
        return application

    async def _token(self, request: web.Request) -> web.Response:
        name = request.query["scope"].split(":")[1]
        if name in self.private and request.headers.get("Authorization") == RIGHT:
            return web.json_response({"token": f"anonymous {name}"})
        if name in self.private:
            return web.json_response({"errors": []}, status=401)
        return web.json_response({"token": f"anonymous {name}"})

    async def _manifest(self, request: web.Request) -> web.Response:
        name, reference = request.match_info["name"], request.match_info["reference"]
        self.seen.append(f"{request.method} {name} {reference} {request.headers.get('Accept', '')}")
        if self.is_away:
            return web.Response(status=503)
        if request.headers.get("Authorization") != f"Bearer anonymous {name}":
            scope = f"repository:{name}:pull"
            realm = f"http://localhost:{request.url.port}/token"
            challenge = f'Bearer realm="{realm}",service="stand-in",scope="{scope}"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        return web.Response(status=200 if reference in self.public.get(name, ()) else 404)


@dataclass
class Bench:
    registry: Registry
    host: str
    secrets: tuple[str, ...] = ()
    logins: tuple[RegistryLogin, ...] = ()

    def logged_in(self, password: str) -> "Bench":
        """The same with a pull Secret of the registry, whose content is known."""
        content = json.dumps({"auths": {f"http://{self.host}/v1/": {"username": "ci", "password": password}}})
        return replace(self, secrets=("registry",), logins=read_logins(content))

    def verdict(self, text: str) -> tuple[State, str]:
        (finding,) = images([Pull(f"{self.host}/{text}", self.secrets, self.logins)])
        return finding.state, f"{finding.found}; {finding.cure}"


@pytest.fixture
def bench() -> Iterator[Bench]:
    registry = Registry()
    with serving(registry.application()) as url:
        yield Bench(registry, url.removeprefix("http://"))


@pytest.mark.parametrize("reference", [":12.4", f"@{DIGEST}", f":12.4@{DIGEST}"])
def test_an_image_that_everybody_gets_is_ok(bench: Bench, reference: str) -> None:
    assert bench.verdict(f"ml/cuda{reference}")[0] is State.OK
    assert "application/vnd.oci.image.index.v1+json" in bench.registry.seen[-1]


def test_an_image_that_does_not_exist_fails(bench: Bench) -> None:
    state, text = bench.verdict("ml/cuda:99")
    assert (state, "push it" in text) == (State.FAILED, True)


def test_a_digest_goes_before_a_tag(bench: Bench) -> None:
    bench.verdict(f"ml/cuda:99@{DIGEST}")
    assert DIGEST in bench.registry.seen[-1]


def test_a_private_image_is_unknown_for_the_nodes_may_have_a_credential(bench: Bench) -> None:
    state, text = bench.verdict("ml/secret:1")
    assert (state, "credential" in text) == (State.UNKNOWN, True)


def test_a_private_image_is_asked_for_with_its_pull_secret(bench: Bench) -> None:
    assert bench.logged_in("right").verdict("ml/secret:1")[0] is State.OK
    state, text = bench.logged_in("wrong").verdict("ml/secret:1")
    assert (state, "pull Secret registry" in text) == (State.FAILED, True)
    assert "wrong" not in text


def test_a_login_for_another_registry_is_not_used(bench: Bench) -> None:
    content = '{"auths": {"elsewhere.example.com": {"auth": "Y2k6cmlnaHQ="}}}'
    other = replace(bench, secrets=("registry",), logins=read_logins(content))
    assert other.verdict("ml/secret:1")[0] is State.UNKNOWN


def test_a_registry_that_is_away_is_no_verdict_on_the_image(bench: Bench) -> None:
    bench.registry.is_away = True
    assert bench.verdict("ml/cuda:12.4")[0] is State.UNKNOWN


def test_a_registry_that_cannot_be_reached_is_no_verdict_either() -> None:
    (finding,) = images([Pull("localhost:9/ml/cuda:1")])
    assert (finding.state, "does not answer" in finding.found) == (State.UNKNOWN, True)


def test_an_image_that_comes_from_no_registry_is_unknown_and_nobody_is_asked() -> None:
    (finding,) = images([Pull("lab.local/registrar:lab")])
    assert finding.state is State.UNKNOWN
    assert "every node has the image" in finding.cure


def test_an_image_is_asked_for_once(bench: Bench) -> None:
    pull = Pull(f"{bench.host}/ml/cuda:12.4")
    assert len(list(images([pull, pull]))) == 1


@pytest.mark.parametrize(
    ("text", "host", "repository", "reference"),
    [
        ("nvidia/cuda:12.4", "docker.io", "nvidia/cuda", "12.4"),
        ("ubuntu", "docker.io", "library/ubuntu", "latest"),
        ("ghcr.io/actions/actions-runner@sha256:0", "ghcr.io", "actions/actions-runner", "sha256:0"),
        ("registry.example.com:5000/ml/cuda:1", "registry.example.com:5000", "ml/cuda", "1"),
        ("localhost/cuda", "localhost", "cuda", "latest"),
    ],
)
def test_a_reference_is_read_as_a_runtime_reads_it(text: str, host: str, repository: str, reference: str) -> None:
    found = parse_image(text)
    assert (found.host, found.repository, found.reference) == (host, repository, reference)


def test_docker_hub_is_asked_where_it_answers() -> None:
    assert parse_image("nvidia/cuda:1").api == "https://registry-1.docker.io"


ODD = [b"", b"[]", b"5", b"null", b"{", b"[" * 100_000, b'{"token": 5}', b'{"token": "a\\nb"}', b"x" * 3_000_000]


def challenging(realm: str, token: bytes, asked: list[str]) -> web.Application:
    """A registry that sends whoever asks to a realm, and writes down who asks there."""

    async def give(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization", ""))
        return web.Response(body=token)

    async def challenge(request: web.Request) -> web.Response:
        where = f'Bearer realm="{realm.format(port=request.url.port)}",scope="x"'
        return web.Response(status=401, headers={"WWW-Authenticate": where})

    application = web.Application()
    application.router.add_get("/token", give)
    application.router.add_route("HEAD", "/v2/{name:.+}/manifests/{reference}", challenge)
    return application


@pytest.mark.parametrize("body", ODD, ids=map(str, range(len(ODD))))
def test_a_registry_whose_token_is_none_gives_one_verdict(body: bytes) -> None:
    asked: list[str] = []
    with serving(challenging("http://localhost:{port}/token", body, asked)) as url:
        (finding,) = images([Pull(f"{url.removeprefix('http://')}/ml/cuda:1")])
    assert finding.state is not State.OK
    assert asked


@pytest.mark.parametrize(
    "realm",
    [
        "http://localhost@127.0.0.2:{port}/token",
        "http://localhost.example.com:{port}/token",
        "http://127.0.0.1.example.com:{port}/token",
        "http://[bad",
        "ftp://localhost/",
        "https",
    ],
)
def test_a_login_is_given_in_clear_to_this_machine_alone(bench: Bench, realm: str) -> None:
    asked: list[str] = []
    with serving(challenging("", b'{"token": "t"}', asked), host="127.0.0.2") as elsewhere:
        realm = realm.format(port=elsewhere.rpartition(":")[2])
        with serving(challenging(realm, b"", asked)) as url:
            replace(bench, host=url.removeprefix("http://")).logged_in("right").verdict("ml/secret:1")
    assert asked == []
