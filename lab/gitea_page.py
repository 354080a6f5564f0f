"""What Gitea offers on its pages and not in its API: a button pressed by the administrator who is signed in."""

import json

import httpx2

from lab import gitea
from lab.errors import LabError

TIMEOUT_SECONDS = 20.0


def press(url: str) -> None:
    """Posts to a page of the lab's Gitea, whole URL; what has nothing more to do there (400, 404) is fine.

    Raises LabError where it does not answer, does not let the administrator in, or refuses.
    """
    access = json.loads(gitea.ACCESS.read_text())
    try:
        # trust_env: a proxy of this machine knows no way to the lab's bridge
        with httpx2.Client(base_url=gitea.URL, timeout=TIMEOUT_SECONDS, trust_env=False) as browser:
            browser.get("/user/login")
            entry = browser.post("/user/login", data={"user_name": access["user"], "password": access["password"]})
            if not entry.is_redirect:
                raise LabError(f"Gitea does not let {access['user']} in: {entry.status_code}; see {gitea.ACCESS}")
            answer = browser.post(url)
    except httpx2.TransportError as failure:
        raise LabError(f"Gitea did not answer POST {url} ({failure}): is the lab up?") from None
    if answer.status_code >= 400 and answer.status_code not in (400, 404):
        raise LabError(f"Gitea refused POST {url}: {answer.status_code} {answer.text[:200].strip()}")
