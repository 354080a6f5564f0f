"""python -m registrar: settings, edges, loop and server; ends quickly on SIGTERM."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from lightkube import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError

from registrar.forges.opening import check_credential
from registrar.logs import configure, log
from registrar.service import STOP_SECONDS, Ports, Service
from registrar.settings import Settings, SettingsError, load
from values import contract
from values.problem import Problem

_KUBERNETES = ("a ServiceAccount's or a kubeconfig's", "run in a pod, or set KUBECONFIG")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Where things are; the defaults are the paths in the registrar's pod."""
    parser = argparse.ArgumentParser(prog="registrar", description="registers single-use runners for pods")
    parser.add_argument("--config", type=Path, default=Path(contract.CONFIG_PATH))
    parser.add_argument("--credential", type=Path, default=Path(contract.CREDENTIAL_PATH))
    parser.add_argument("--tls-certificate", type=Path, default=Path(contract.TLS_CERTIFICATE_PATH))
    parser.add_argument("--tls-key", type=Path, default=Path(contract.TLS_KEY_PATH))
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - a pod serves its Service
    parser.add_argument("--port", type=int, default=contract.REGISTRAR_PORT)
    parser.add_argument("--status-port", type=int, default=contract.REGISTRAR_STATUS_PORT)
    parser.add_argument("--queue-port", type=int, default=contract.REGISTRAR_QUEUE_PORT)
    return parser.parse_args(argv)


async def serve(options: argparse.Namespace, settings: Settings, kubernetes: SingleConfig) -> None:
    """Run until SIGTERM or SIGINT."""
    service = Service(settings, kubernetes, options.credential)
    tasks: list[asyncio.Task[None]] = []
    try:
        asked = Ports(options.port, options.status_port, options.queue_port)
        ports = await service.serve((options.tls_certificate, options.tls_key), options.host, asked)
        tasks = service.tasks()
        log(
            "serving",
            port=ports.pods,
            status_port=ports.status,
            queue_port=ports.queue,
            forge=settings.forge.url,
            namespaces=[grant.namespace for grant in settings.grants],
        )
        await _until_stopped(tasks)
        await service.loop.see_off()
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        await service.close()
        log("stopped")


async def _until_stopped(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for a signal; a task that ends by itself is a fault, and Kubernetes restarts us."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
    for task in tasks:
        if task.done():
            task.result()
            raise RuntimeError("a part that runs for ever has ended")


def _refuse(problem: Problem) -> int:
    sys.stderr.write(f"{problem}\n")
    return 2


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 after SIGTERM, 2 where the settings or the cluster's credentials cannot be used."""
    configure()
    options = arguments(argv)
    try:
        settings = load(options.config)
        kubernetes = KubeConfig.from_env().get()
        check_credential(options.credential)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except ConfigError as error:
        return _refuse(Problem("the cluster's credentials", str(error), *_KUBERNETES))
    except OSError as error:
        cure = "mount the forge's credential there"
        return _refuse(Problem(str(options.credential), str(error.strerror), "a file that can be read", cure))
    if kubernetes is None:
        return _refuse(Problem("the cluster's credentials", "nothing", *_KUBERNETES))
    asyncio.run(serve(options, settings, kubernetes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
