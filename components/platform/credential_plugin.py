"""Credential plugin of a base runner: trades the pod's token for one of the account that its argument names.

Kubernetes' clients start it (client.authentication.k8s.io/v1) and ask again when its answer ends. It runs in the user's
image with nothing but Python's standard library, as a file that the platform puts beside the token. Exit code 1 with
the reason on stderr, which is the job's log.
"""

import json
import pathlib
import ssl
import sys
import time
import urllib.error
import urllib.request

DEADLINE_SECONDS = 45.0  # clients of ours give a plugin a minute
TRY_SECONDS = 15.0
LONGEST_WAIT_SECONDS = 10.0
# A forge may show a job a moment after it has begun.
NO_JOB_SECONDS = 12.0
UNPROVEN_SECONDS = 12.0  # clocks differ, and signing keys are rotated
MOST_BYTES = 65536


class Refused(Exception):  # noqa: N818 - an answer, not a defect
    """The answer is no; patience is for how long it may change by itself."""

    def __init__(self, message: str, patience: float, wait: float = 2.0) -> None:
        super().__init__(message)
        self.patience, self.wait = patience, wait


def ask(folder: pathlib.Path, account: str) -> "dict[str, str]":
    """One try. Raises Refused, OSError and ValueError."""
    tls = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    # No proxy that a job was given for the internet knows the way to a Service.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
    # The kubelet renews the token in place, so it is read at every try.
    headers = {"Authorization": f"Bearer {(folder / 'token').read_text().strip()}"}
    url = f"{(folder / 'url').read_text().strip()}/credentials/{account}"
    request = urllib.request.Request(url, data=b"", headers=headers, method="POST")  # noqa: S310 - our own https
    try:
        with opener.open(request, timeout=TRY_SECONDS) as answer:
            document = json.loads(answer.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        raise refusal(error) from error
    return {"token": str(document["token"]), "expirationTimestamp": str(document["expirationTimestamp"])}


def refusal(error: urllib.error.HTTPError) -> Refused:
    """What an answer other than 200 means."""
    text = error.read(MOST_BYTES).decode(errors="replace")
    try:
        document = json.loads(text)
        reason, message = str(document["reason"]), str(document["message"])
    except (ValueError, KeyError, TypeError):
        reason, message = "", text
    said = f"{error.code} {reason}: {message}"
    if error.code == 401:
        return Refused(said, UNPROVEN_SECONDS)
    if error.code in (429, 503):
        asked = error.headers.get("Retry-After", "")
        wait = float(asked) if asked.isdigit() and len(asked) < 6 else 2.0
        return Refused(said, DEADLINE_SECONDS, min(wait, LONGEST_WAIT_SECONDS))
    return Refused(said, NO_JOB_SECONDS if reason == "NoJob" else 0.0)


def obtain(folder: pathlib.Path, account: str) -> "dict[str, str]":
    """Tries until there is a token. Raises Refused with the last reason."""
    began = time.monotonic()
    while True:
        try:
            return ask(folder, account)
        except Refused as refused:
            last = refused
        except (OSError, ValueError, KeyError, TypeError) as error:
            last = Refused(f"the registrar gives no answer: {error}", DEADLINE_SECONDS)
        if time.monotonic() - began + last.wait > last.patience:
            raise last
        time.sleep(last.wait)


def main() -> int:
    """Prints an ExecCredential."""
    account = sys.argv[1]
    try:
        status = obtain(pathlib.Path(sys.argv[0]).absolute().parent, account)
    except Refused as refused:
        line = " ".join(str(refused).split())
        sys.stderr.write(f"no rights of {account} for this job: {line}\n")
        return 1
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    sys.stdout.write(json.dumps(credential) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
