"""What job code on a base runner tries against the cluster. Runs in its pod, with the standard library only.

Takes {name: [method, path, body]} as JSON from its first argument, uses whatever tokens the pod has, and none as well;
prints {name: [status without a token, statuses with each]} as JSON. A path may be a whole URL.
"""

import contextlib
import json
import pathlib
import ssl
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

API = "https://kubernetes.default.svc"
TOKENS = pathlib.Path("/var/run")
TRUST = ssl.create_default_context()
TRUST.check_hostname, TRUST.verify_mode = False, ssl.CERT_NONE


def answer(method: str, path: str, body: object, token: str) -> str:
    """The status, or the kind of error."""
    url = path if path.startswith("https://") else f"{API}{path}"
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if method == "GET" else json.dumps(body).encode()
    request = urllib.request.Request(url, method=method, headers=headers, data=data)  # noqa: S310 - URLs of the test
    try:
        with urllib.request.urlopen(request, timeout=5, context=TRUST) as response:  # noqa: S310
            return str(response.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except urllib.error.URLError as error:
        return type(error.reason).__name__
    except OSError as error:
        return type(error).__name__


def tokens() -> list[str]:
    """Every token of a ServiceAccount that a job can read, and none."""
    found = {""}
    for file in TOKENS.rglob("*"):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if file.is_file() and (text := file.read_text().strip()).startswith("eyJ"):
                found.add(text)
    return sorted(found)


def main() -> None:
    """Tries all of them, four at a time."""
    tries, held = json.loads(sys.argv[1]), tokens()

    def all_of(name: str) -> list[str]:
        method, path, body = tries[name]
        return [answer(method, path, body, token) for token in held]

    with ThreadPoolExecutor(4) as trying:
        print(json.dumps(dict(zip(tries, trying.map(all_of, tries), strict=True))))


if __name__ == "__main__":
    main()
