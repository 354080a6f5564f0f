"""What is not the cluster, as pods see it: addresses of the internet, of a private network and of clouds' metadata.

A network namespace of its own, with one listener at all of them. Only pods get there, by a routing rule for the bridge:
this machine keeps its own ways. For whoever asks, no part of `lab up`; `lab down` ends it.
"""

import contextlib
import json
import socket
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

from lab import network, paths
from lab.daemon import Daemon

NAME = "outside"
NAMESPACE = "lab-outside"
# The table is named after nothing: its number is ours alone, as is the rule that leads to it.
TABLE = "8510"
PRIVATE_ADDRESS = "10.99.0.1"  # in a blocked range, of no use to the lab
INTERNET_ADDRESS = "198.51.100.7"  # RFC 5737: documentation, so nobody's
METADATA_ADDRESS = "169.254.169.254"
WIRESERVER_ADDRESS = "168.63.129.16"  # Azure's
ADDRESSES = (PRIVATE_ADDRESS, INTERNET_ADDRESS, METADATA_ADDRESS, WIRESERVER_ADDRESS)
PORTS = (53, 80, 443)
READY_PORT = 80

_HOST_END, _HOST_ADDRESS = "lab-out0", "10.84.255.1"
_FAR_END, _FAR_ADDRESS = "lab-out1", "10.84.255.2"
_RULE = ("iif", network.BRIDGE, "lookup", TABLE)


def up() -> None:
    """Makes the addresses and starts the listener; idempotent. Needs a lab that is up. Raises LabError."""
    if not is_there():
        _run("netns", "add", NAMESPACE)
        _run("link", "add", _HOST_END, "type", "veth", "peer", "name", _FAR_END, "netns", NAMESPACE)
        _run("address", "add", f"{_HOST_ADDRESS}/30", "dev", _HOST_END)
        _run("link", "set", _HOST_END, "up")
        # Its addresses are not where this machine's routes say: a strict filter would drop the answers.
        Path(f"/proc/sys/net/ipv4/conf/{_HOST_END}/rp_filter").write_text("2\n")
        _run("-n", NAMESPACE, "address", "add", f"{_FAR_ADDRESS}/30", "dev", _FAR_END)
        for interface in ("lo", _FAR_END):
            _run("-n", NAMESPACE, "link", "set", interface, "up")
        _run("-n", NAMESPACE, "route", "add", "default", "via", _HOST_ADDRESS)
        for address in ADDRESSES:
            _run("-n", NAMESPACE, "address", "add", f"{address}/32", "dev", "lo")
            _run("route", "add", f"{address}/32", "via", _FAR_ADDRESS, "table", TABLE)
        _run("rule", "add", *_RULE)
    daemon().start()


def down() -> None:
    """Takes all of it out; the listener is a part like others and has ended by then."""
    if not is_there():
        return
    for arguments in (("rule", "delete", *_RULE), ("link", "delete", _HOST_END), ("netns", "delete", NAMESPACE)):
        subprocess.run(["ip", *arguments], check=False, capture_output=True, timeout=30)


def is_there() -> bool:
    """Whether the network namespace is."""
    return (network.NAMESPACES / NAMESPACE).exists()


def daemon() -> Daemon:
    """The listener."""
    argv = ["ip", "netns", "exec", NAMESPACE, sys.executable, "-m", "lab.outside"]
    return Daemon(NAME, argv, ready=_answers, cwd=paths.REPOSITORY)


def _answers() -> bool:
    with contextlib.suppress(OSError), socket.create_connection((_FAR_ADDRESS, READY_PORT), timeout=1):
        return True
    return False


def _run(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)


class _Greeting(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.request.sendall(json.dumps({"outside": self.request.getsockname()}).encode())


def main() -> None:
    """Listens until it is ended."""
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    servers = [socketserver.ThreadingTCPServer(("", port), _Greeting) for port in PORTS]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
