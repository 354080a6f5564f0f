"""What the forge hosts: the checkout action, this repository for the deploy job, the example with its secrets."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab import example_data, git, gitea, paths, s3, worlds
from lab.errors import LabError
from lab.gitea_api import GiteaApi

GUIDE = "mlops/guide"
SEED_BRANCH = "lab-seed"
# What the example's jobs are given: passphrase and key of one environment's state, and the key of the data.
SECRETS = (
    "PULUMI_CONFIG_PASSPHRASE", "STATE_AWS_ACCESS_KEY_ID", "STATE_AWS_SECRET_ACCESS_KEY",
    "DATA_AWS_ACCESS_KEY_ID", "DATA_AWS_SECRET_ACCESS_KEY",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A folder of this repository's last commit (`tree`, as git names it) that is a repository at the forge.

    `files` puts other files of that commit into it: the path there, and the one here.
    """

    repository: str
    tree: str
    tags: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()


# GitHub's commit of actions/checkout v5.0.1. Workflows pin it; the lab's stand-in has a tag of that name, so that one
# file serves both: a runner looks for a tag of the name that it is given before it looks for a commit.
CHECKOUT_COMMIT = "93cb6efe18208431cddfb8368fd83d5badbf9bfd"
SOURCES = (
    Source("actions/checkout", "HEAD:lab/actions/checkout", ("v4", "v5", "v6", CHECKOUT_COMMIT)),
    # As a user's copy: with the stack that its deploy job brings up, whatever the embedded default is.
    Source("mlops/gpu-runners", "HEAD:", files=(("Pulumi.dev.yaml", "lab/demo/gitea/Pulumi.dev.yaml"),)),
    Source(GUIDE, "HEAD:examples/mlops-guide"),
)


def seed() -> None:
    """Puts everything in place that is missing or older than this checkout; a second call changes nothing."""
    with GiteaApi(gitea.URL, gitea.token()) as api:
        for organization in sorted({source.repository.split("/")[0] for source in SOURCES}):
            api.post("/orgs", {"username": organization, "visibility": "public"}, allowed=(422,))
        for source in SOURCES:
            publish(api, source)
        _configure_actions(api)
    example_data.seed(s3.client(worlds.key(worlds.DATA)))


def job_secrets() -> dict[str, str]:
    """The values of SECRETS: two worlds', and never the platform's."""
    state, data = worlds.key(worlds.DEV), worlds.key(worlds.DATA)
    values = (worlds.passphrase(worlds.DEV), state.access, state.secret, data.access, data.secret)
    return dict(zip(SECRETS, values, strict=True))


def publish(api: GiteaApi, source: Source) -> None:
    """Pushes the folder as one commit on top of what is there; the lab's own pushes start no workflow."""
    owner, name = source.repository.split("/")
    api.post(f"/orgs/{owner}/repos", {"name": name, "private": False, "default_branch": "main"}, allowed=(409,))
    login = git.login(gitea.ADMIN, gitea.token())
    url = f"{gitea.URL}/{source.repository}.git"
    with tempfile.TemporaryDirectory(prefix="lab-seed-") as folder_name:
        folder = Path(folder_name)
        git.run(folder, "init", "--quiet", "--bare")
        # Borrowing this checkout's objects: no files are copied, and a shallow checkout will do.
        objects = git.run(paths.REPOSITORY, "rev-parse", "--path-format=absolute", "--git-path", "objects")
        (folder / "objects/info/alternates").write_text(f"{objects}\n")
        tree = _tree(folder, source)
        if _is_published(folder, url, source, tree, login):
            return
        parent = ["-p", "FETCH_HEAD"] if _fetch(folder, url, "main", login) else []
        message = f"{source.repository} as in this checkout [skip ci]"
        commit = git.run(folder, "commit-tree", tree, *parent, "-m", message, environment=login)
        targets = ("refs/heads/main", f"refs/heads/{SEED_BRANCH}", *(f"refs/tags/{tag}" for tag in source.tags))
        git.run(folder, "push", "--quiet", "--force", url, *(f"{commit}:{ref}" for ref in targets), environment=login)


def _is_published(folder: Path, url: str, source: Source, tree: str, login: dict[str, str]) -> bool:
    if not _fetch(folder, url, SEED_BRANCH, login) or git.run(folder, "rev-parse", "FETCH_HEAD^{tree}") != tree:
        return False
    listed = git.run(folder, "ls-remote", "--tags", url, environment=login) if source.tags else ""
    return {f"refs/tags/{tag}" for tag in source.tags} <= set(listed.split())


def _fetch(folder: Path, url: str, branch: str, login: dict[str, str]) -> bool:
    """True where the branch exists; FETCH_HEAD is its last commit then."""
    return git.attempt(folder, "fetch", "--quiet", "--depth", "1", url, branch, environment=login).returncode == 0


def _tree(folder: Path, source: Source) -> str:
    """The tree to publish; one with other files in it is made in the bare repository `folder`."""
    tree = _object(source.tree)
    if not source.files:
        return tree
    index = {"GIT_INDEX_FILE": str(folder / "index")}
    git.run(folder, "read-tree", tree, environment=index)
    for there, here in source.files:
        entry = f"100644,{_object(f'HEAD:{here}')},{there}"
        git.run(folder, "update-index", "--add", "--cacheinfo", entry, environment=index)
    return git.run(folder, "write-tree", environment=index)


def _object(name: str) -> str:
    found = git.attempt(paths.REPOSITORY, "rev-parse", name)
    if found.returncode != 0:
        raise LabError(
            f"{paths.REPOSITORY} has no commit with {name.removeprefix('HEAD:') or 'files'}: the lab serves the "
            f"last commit of a git checkout. Clone the repository, or run `git init` and commit."
        )
    return found.stdout.strip()


def _configure_actions(api: GiteaApi) -> None:
    """The variables and secrets that the example's workflow names."""
    actions = f"/repos/{GUIDE}/actions"
    for name, value in job_secrets().items():
        api.put(f"{actions}/secrets/{name}", {"data": value})
    variable = {"name": "PULUMI_BACKEND_URL", "value": s3.pulumi_backend(worlds.DEV)}
    if api.find(f"{actions}/variables/PULUMI_BACKEND_URL") is None:
        api.post(f"{actions}/variables/PULUMI_BACKEND_URL", {"value": variable["value"]})
    else:
        api.put(f"{actions}/variables/PULUMI_BACKEND_URL", variable)
