"""An image as `init` writes it is the one that a job's `container: image:` names, in the words that were typed."""

from pathlib import Path

import pytest
from aiohttp import web

from config.names import IMAGE_BY_DIGEST
from gpu_runners.init.images import by_digest
from tests.components.pools.test_container_hook import Hook, container
from tests.gpu_runners.serving import serving

DIGEST = f"sha256:{'9' * 64}"


def registry() -> web.Application:
    async def manifest(_: web.Request) -> web.Response:
        return web.Response(headers={"docker-content-digest": DIGEST})

    application = web.Application()
    application.router.add_get("/v2/{rest:.*}", manifest)
    return application


@pytest.mark.parametrize("name", ["ml/jobs:1", "jobs", "jobs:latest", f"ml/jobs@{DIGEST}", f"ml/jobs:1@{DIGEST}"])
def test_a_jobs_container_may_name_the_image_as_it_was_typed(tmp_path: Path, name: str) -> None:
    with serving(registry()) as url:
        typed = f"{url.removeprefix('http://')}/{name}"
        written = by_digest(typed).reference
    assert IMAGE_BY_DIGEST.check(written)
    hook = Hook(tmp_path, written)
    answered = hook.call("prepare_job", container(typed))
    assert answered.code == 0, answered.output
    assert hook.call("prepare_job", container(f"{typed.partition('@')[0].removesuffix(':1')}:other")).code == 1
