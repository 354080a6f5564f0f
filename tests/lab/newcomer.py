"""A person at a terminal of their own who follows docs/onboarding.md: their programs, their browser, their login.

Stood in for: `docker`, as the lab has no registry, and `gh`, which does at the stand-in what it does at GitHub.
"""

import html
import re
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import httpx2

from lab.github import daemon

LOGIN: Final = {
    f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "n"), ("EMAIL", "n@x"))
}
# What of a person's environment no other has, whatever the lab's administrator has in theirs.
NOT_THEIRS: Final = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "FORGE_TOKEN", "FORGE_URL")
# Dispatches the workflow, waits for the run's end and prints its logs, as `gh run watch` follows one that a push began.
GH_RUN: Final = """
def watch(inputs):
    body = {{"ref": "main", "inputs": inputs, "return_run_details": True}}
    path = "/api/v3/repos/{name}/actions"
    answer = http.post(path + "/workflows/train.yml/dispatches", json=body)
    run = answer.raise_for_status().json()["workflow_run_id"]
    for _ in range({looks}):
        state = http.get(f"{{path}}/runs/{{run}}").json()
        if state["status"] == "completed":
            break
        time.sleep(0.3)
    for job in http.get(f"{{path}}/runs/{{run}}/jobs").json()["jobs"]:
        print(job["name"], job["conclusion"])
        print(http.get(f"{{path}}/jobs/{{job['id']}}/logs", follow_redirects=True).text)
    sys.exit(state["conclusion"] != "success")
"""
GH_BEGINS: Final = """#!{python}
import subprocess, sys, time
import httpx2
http = httpx2.Client(base_url="{url}", trust_env=False, headers={{"Authorization": "Bearer {token}"}}, timeout=15)
"""


def gh(name: str, token: str, seconds: int, commands: str) -> str:
    """The program `gh` for a repository; `commands` are Python that knows `http` and `watch`, and reads sys.argv."""
    looks = int(seconds / 0.3)
    values = {"python": sys.executable, "url": daemon.URL, "token": token, "name": name, "looks": looks}
    return GH_BEGINS.format(**values) + GH_RUN.format(**values) + commands


def write_programs(folder: Path, texts: Mapping[str, str]) -> Path:
    """A folder for PATH with these programs."""
    programs = folder / "bin"
    programs.mkdir()
    for program, text in texts.items():
        (programs / program).write_text(text)
        (programs / program).chmod(stat.S_IRWXU)
    return programs


def browse(text: str) -> None:
    """The one page of `init` and `app`: a person presses its button, GitHub asks whether they mean it, and sends them
    back."""
    (address,) = re.findall(r"open (http://\S+) in a browser", text)
    with httpx2.Client(trust_env=False) as http:
        page = http.get(address).text
        form = html.unescape(re.findall(r"action='([^']+)'", page)[0])
        manifest = html.unescape(re.findall(r"name=manifest value='([^']+)'", page)[0])
        assert parse_qs(urlsplit(form).query)["state"]
        http.post(form, data={"manifest": manifest}, follow_redirects=True).raise_for_status()


def install(text: str, repository: str) -> None:
    """The link that `init` and `app` print: a person chooses the repository."""
    (address,) = re.findall(r"(?:install the App on \S+|Install it): (http://\S+)", text)
    httpx2.post(address, data={"repository": repository}, trust_env=False).raise_for_status()
