"""The demo's repository at the forge: its pull request, and its one comment as people see it."""

import base64
from dataclasses import dataclass

from lab.gitea_api import GiteaApi
from lab.review_demo.scene import REPOSITORY, STACK

BRANCH = "more-gpus"
FILE = f"Pulumi.{STACK}.yaml"


@dataclass(frozen=True)
class ForgePage:
    """One pull request."""

    api: GiteaApi
    number: int
    commit: str  # that it proposes

    @classmethod
    def open(cls, api: GiteaApi, before: str, after: str) -> "ForgePage":
        """Makes the repository anew with the stack file, and a pull request that changes it. Raises LabError."""
        owner, name = REPOSITORY.split("/")
        api.delete(f"/repos/{REPOSITORY}")
        api.post(f"/orgs/{owner}/repos", {"name": name, "auto_init": True, "default_branch": "main"})
        path = f"/repos/{REPOSITORY}/contents/{FILE}"
        made = api.post(path, {"branch": "main", "message": "The stack", "content": _encoded(before)})
        change = {"branch": "main", "new_branch": BRANCH, "message": "More GPUs", "content": _encoded(after)}
        api.put(path, {**change, "sha": made.json()["content"]["sha"]})
        body = {"title": "More GPUs, and a wider way out", "head": BRANCH, "base": "main"}
        pull = api.post(f"/repos/{REPOSITORY}/pulls", body).json()
        return cls(api, int(pull["number"]), str(pull["head"]["sha"]))

    def comments(self) -> list[str]:
        """The texts of all comments."""
        comments = self.api.get(f"/repos/{REPOSITORY}/issues/{self.number}/comments")
        return [str(comment["body"]) for comment in comments]

    def html(self, text: str) -> str:
        """A text as the forge itself renders it."""
        return self.api.rendered(text, REPOSITORY)

    def merge(self) -> None:
        """Merges it."""
        self.api.post(f"/repos/{REPOSITORY}/pulls/{self.number}/merge", {"Do": "merge"})


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
