"""AutoscalerDoor: what an autoscaler reads, on a port of its own: the jobs of one pool, for who holds its certificate.

A namespace's autoscaler shows the certificate that the platform made for it; it learns of no other namespace's pools.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from registrar.answering import REQUEST_LIMIT_BYTES, problem
from registrar.forges.forge import ForgeError
from registrar.listener import several_requests
from registrar.queue_reader import NamespaceUnknownError, PoolUnknownError, QueueReader
from registrar.settings import Settings
from values import contract


@dataclass(frozen=True, kw_only=True)
class AutoscalerDoor:
    """`namespaces`: whose autoscaler shows which certificate (DER)."""

    queue: QueueReader
    namespaces: Mapping[bytes, str]

    def application(self) -> web.Application:
        """The one route of the contract."""
        application = web.Application(client_max_size=REQUEST_LIMIT_BYTES, middlewares=[several_requests])
        application.router.add_get(f"{contract.QUEUE_PATH}/{{namespace}}/{{pool}}", self.count)
        return application

    async def count(self, request: web.Request) -> web.Response:
        """GET /queue/NAMESPACE/POOL: 200 with waiting, running and wanted, 403, 404, or 503 with Retry-After."""
        namespace, pool = request.match_info["namespace"], request.match_info["pool"]
        if self._asking(request) != namespace:
            return problem(403, "NamespaceNotYours", "this certificate is for the pools of another namespace")
        try:
            return web.json_response(await self.queue.read_pool(namespace, pool))
        except PoolUnknownError as error:
            return problem(404, "PoolUnknown", str(error))
        except NamespaceUnknownError as error:
            return problem(503, "ClusterUnknown", str(error), retry_after=2)
        except ForgeError as error:
            return problem(503, contract.FORGE_UNKNOWN, str(error), retry_after=error.retry_after)

    def _asking(self, request: web.Request) -> str | None:
        """The namespace whose certificate is shown. TLS has checked that its key is there."""
        connection = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
        shown = connection.getpeercert(binary_form=True) if connection is not None else None
        return self.namespaces.get(shown) if shown else None


def certificates(settings: Settings) -> dict[bytes, str]:
    """The certificate (DER) of each namespace's autoscaler, for those that have one."""
    return {
        ssl.PEM_cert_to_DER_cert(grant.autoscaler): grant.namespace for grant in settings.grants if grant.autoscaler
    }


def demand_certificate(tls: ssl.SSLContext, settings: Settings) -> None:
    """Lets nobody in but who shows one of these certificates: each is made for one autoscaler and signs no other."""
    tls.verify_mode = ssl.CERT_REQUIRED
    for grant in settings.grants:
        if grant.autoscaler:
            tls.load_verify_locations(cadata=grant.autoscaler)
