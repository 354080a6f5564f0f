"""What a job tries against its surroundings. Runs inside the job, with the standard library only; prints findings.

Arguments: the first half of the forge's credential, the registrar's namespace, the addresses of all runners' pods.
Each line is `name=result`.
"""

import contextlib
import io
import json
import os
import pathlib
import re
import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

HALF, SYSTEM, RUNNERS = sys.argv[1], sys.argv[2], sys.argv[3:]
# Matches the whole credential only: this script and its arguments hold no more than its first half.
CREDENTIAL = re.compile(HALF.encode() + rb"[0-9a-f]{20}")
PLACES = ("/registration", "/runner", "/work", "/etc", "/run", "/var", "/tmp", "/dev/shm", "/root")  # noqa: S108 - read only
API = "https://kubernetes.default.svc"
REGISTRAR = f"https://registrar.{SYSTEM}.svc:8443/registrations"
HOST = "10.85.0.1"
PIECE = 1 << 20  # bytes
PORTS = (22, 80, 443, 3000, 8080, 8443, 9101, 10250)


def answer(url: str, token: str = "", method: str = "GET") -> str:
    """The status of a request, or the kind of error."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = b"" if method == "POST" else None
    request = urllib.request.Request(url, method=method, headers=headers, data=data)  # noqa: S310 - URLs of this file
    try:
        with urllib.request.urlopen(request, timeout=5, context=context) as response:  # noqa: S310
            return str(response.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except OSError as error:
        return type(error).__name__


def connects(port: int) -> bool:
    """Whether something listens there on the node."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=3):
        return True
    return False


def files() -> Iterator[pathlib.Path]:
    """Every file in the places where a credential could be, and each process's environment."""
    for place in PLACES:
        for folder, _, names in os.walk(place):
            for name in names:
                yield pathlib.Path(folder, name)
    yield from pathlib.Path("/proc").glob("[0-9]*/environ")


def holders(pattern: re.Pattern[bytes]) -> list[str]:
    """The files that can be read and hold what matches."""
    found = []
    for file in files():
        with contextlib.suppress(OSError):
            if file.is_file() and pattern.search(file.read_bytes()):
                found.append(str(file))
    return found


def memory_holds(pattern: re.Pattern[bytes]) -> bool:
    """Whether the runner's own memory holds what matches; it may be read where the kernel allows it."""
    with contextlib.suppress(OSError), pathlib.Path("/proc/1/mem").open("rb", buffering=0) as memory:
        for line in pathlib.Path("/proc/1/maps").read_text().splitlines():
            area, rights = line.split()[:2]
            start, end = (int(part, 16) for part in area.split("-"))
            # Code of the program holds no secret, and what may not be read is reserved address space.
            if rights.startswith("rw") and area_holds(memory, start, end, pattern):
                return True
    return False


def area_holds(memory: io.RawIOBase, start: int, end: int, pattern: re.Pattern[bytes]) -> bool:
    """The same for one area, in pieces that overlap by more than a credential's length."""
    for offset in range(start, end, PIECE):
        with contextlib.suppress(OSError, OverflowError):
            memory.seek(offset)
            if pattern.search(memory.read(PIECE + 64) or b""):
                return True
    return False


def registration() -> dict[str, str]:
    """This runner's own registration, which its jobs can read by nature."""
    document: dict[str, str] = json.loads(pathlib.Path("/registration/.runner").read_text())
    return document


def other_registrations() -> list[str]:
    """Runner files that are not this runner's own."""
    own = registration()["uuid"].encode()
    pattern = re.compile(rb'"uuid":\s*"[0-9a-f-]{36}"')
    return [name for name in holders(pattern) if own not in pathlib.Path(name).read_bytes()]


def main() -> None:
    job_token = os.environ["GITHUB_TOKEN"]
    own = registration()
    others = set(RUNNERS) - {socket.gethostbyname(socket.gethostname())}
    findings = {
        "uid": os.getuid(),
        "service-account-files": [str(p) for p in pathlib.Path("/var/run/secrets").rglob("*") if p.is_file()],
        "projected-mounts": sum("registrar" in line for line in pathlib.Path("/proc/mounts").read_text().splitlines()),
        "credential-in-files": holders(CREDENTIAL),
        "credential-in-memory": memory_holds(CREDENTIAL),
        "own-token-in-memory": memory_holds(re.compile(own["token"].encode())),
        "other-registrations": other_registrations(),
        "api-anonymous": answer(f"{API}/api/v1/namespaces"),
        "api-pods": answer(f"{API}/api/v1/namespaces/gpu-runners-test/pods"),
        "api-secrets": answer(f"{API}/api/v1/namespaces/{SYSTEM}/secrets"),
        "api-with-job-token": answer(f"{API}/api/v1/namespaces/gpu-runners-test/pods", job_token),
        "registrar-anonymous": answer(REGISTRAR, method="POST"),
        "registrar-with-job-token": answer(REGISTRAR, job_token, "POST"),
        "registrar-with-own-registration": answer(REGISTRAR, own["token"], "POST"),
        "forge-runners-with-job-token": answer(
            f"http://{HOST}:3000/api/v1/repos/mlops/tests/actions/runners", job_token
        ),
        "forge-runners-with-own-registration": answer(
            f"http://{HOST}:3000/api/v1/repos/mlops/tests/actions/runners", own["token"]
        ),
        "kubelet": answer(f"https://{HOST}:10250/pods"),
        "etcd": connects(2379),
        "neighbours": [(address, port) for address in others for port in PORTS if reaches(address, port)],
        "neighbours-tried": len(others),
        "writes-usr": os.access("/usr", os.W_OK),
    }
    for name, result in findings.items():
        print(f"{name}={json.dumps(result)}")


def reaches(address: str, port: int) -> bool:
    """Whether another pod has an open port."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


if __name__ == "__main__":
    main()
