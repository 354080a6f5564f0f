"""What a pod tries to reach. Runs in a pod, with the standard library only; prints {target: reached} as JSON.

Reads {target: [protocol, address, port]} as JSON from its first argument; the address "" is the pod's own resolver.
"""

import contextlib
import json
import pathlib
import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

SECONDS = 2.0
NAME = "kubernetes.default.svc.cluster.local"
# RFC 1035: id, flags (recursion desired), one question; the name; type A, class IN.
QUERY = (
    struct.pack(">6H", 0x4C42, 0x0100, 1, 0, 0, 0)
    + b"".join(bytes([len(part)]) + part.encode() for part in NAME.split("."))
    + b"\0"
    + struct.pack(">2H", 1, 1)
)


def resolver() -> str:
    """The first name server of this pod."""
    lines = pathlib.Path("/etc/resolv.conf").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("nameserver"))


def reaches(protocol: str, address: str, port: int) -> bool:
    """Whether a connection is made, or over UDP a question of DNS is answered."""
    where = (address or resolver(), port)
    with contextlib.suppress(OSError):
        if protocol == "TCP":
            with socket.create_connection(where, timeout=SECONDS):
                return True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(SECONDS)
            asking.connect(where)
            asking.send(QUERY)
            return asking.recv(512)[:2] == QUERY[:2]
    return False


def main() -> None:
    """Tries all at once."""
    targets = json.loads(sys.argv[1])
    with ThreadPoolExecutor(len(targets)) as trying:
        found = {name: trying.submit(reaches, *where) for name, where in targets.items()}
    print(json.dumps({name: answer.result() for name, answer in found.items()}))


if __name__ == "__main__":
    main()
