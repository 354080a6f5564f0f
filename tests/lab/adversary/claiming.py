"""What a job on a base runner tries to become somebody: asks for an account's rights, and uses what it is given.

Runs inside a pod with the standard library only; prints findings. Arguments: the account, a namespace to look at, and,
to ask with another's token from elsewhere, that token, an address of the registrar and its CA.
"""

import base64
import json
import pathlib
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

ACCOUNT, NAMESPACE = sys.argv[1:3]
OWN = pathlib.Path("/var/run/job-credential")
API = "https://kubernetes.default.svc"
LATER = (0, 429, 503)  # no answer at all among them
PATIENCE_SECONDS = 60


def asked(token: str, url: str, ca: str, method: str = "GET") -> "tuple[int, str]":
    """Status and body of a request."""
    context = ssl.create_default_context(cadata=ca)
    headers = {"Authorization": f"Bearer {token}"}
    data = b"" if method == "POST" else None
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - URLs of this file
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def with_anothers_token(token: str, url: str, ca: str) -> None:
    """Asks the registrar itself, from this pod, until it has a word, as a thief would."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            status, body = asked(token, url, ca, "POST")
        except OSError as error:
            status, body = 0, f"{type(error).__name__}: {error}"
        if status not in LATER or time.monotonic() > end:
            break
        time.sleep(1)
    print("lent: to another" if status == 200 else f"refused: {status} {body}")


def with_ones_own() -> None:
    """As Pulumi and kubectl do, and then looks at what the rights are."""
    if not OWN.exists():
        print("nothing to ask with")
        return
    plugin = [sys.executable, "-I", str(OWN / "credential.py"), ACCOUNT]
    done = subprocess.run(plugin, capture_output=True, text=True, check=False, timeout=90)
    if done.returncode != 0:
        print(f"refused: {done.stderr.strip()}")
        return
    status = json.loads(done.stdout)["status"]
    payload = status["token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    print(f"lent: {claims['sub']} for {claims['exp'] - claims['iat']} s")
    ca = (OWN / "kubernetes-ca.crt").read_text()
    for name, path in {
        "deployments": f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
        "secrets": f"/api/v1/namespaces/{NAMESPACE}/secrets",
        "pods of the base runners": f"/api/v1/namespaces/{NAMESPACE}-base/pods",
        "all namespaces": "/api/v1/namespaces",
    }.items():
        print(f"{name}: {asked(status['token'], API + path, ca)[0]}")


if len(sys.argv) > 3:
    with_anothers_token(*sys.argv[3:6])
else:
    with_ones_own()
