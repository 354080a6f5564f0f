"""What the state looks like in the API's JSON. Pure; tests check each against GitHub's own description."""

from collections.abc import Iterable, Mapping
from typing import Any

from lab.github.clock import timestamp
from lab.github.workflow import Workflow
from lab.github.world import Comment, Environment, Group, Job, Repository, Run, Runner, World

Json = dict[str, Any]

EPOCH = 1_767_225_600.0  # when everything was made that nobody made: the first of January 2026
READ_ONLY_LABELS = {"self-hosted", "linux", "x64"}
_ACCOUNT_LINKS = (
    "followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events",
    "received_events",
)  # fmt: skip
_REPOSITORY_LINKS = (
    "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare", "contents",
    "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs", "git_tags", "hooks",
    "issue_comment", "issue_events", "issues", "keys", "labels", "languages", "merges", "milestones", "notifications",
    "pulls", "releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams", "trees",
)  # fmt: skip
_NO = (
    "fork", "has_issues", "has_projects", "has_wiki", "has_pages", "has_discussions", "has_downloads", "archived",
    "disabled",
)  # fmt: skip
_NONE = (
    "forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count", "watchers",
    "watchers_count", "network_count", "subscribers_count",
)  # fmt: skip


def api(world: World) -> str:
    """The URL below which the API is."""
    return f"{world.base}/api/v3"


def account(world: World, login: str, identifier: int = 1, kind: str = "Organization") -> Json:
    """A user or an organization where it owns something."""
    url = f"{api(world)}/users/{login}"
    links = {f"{link}_url": f"{url}/{link}" for link in _ACCOUNT_LINKS}
    return {
        "login": login, "id": identifier, "node_id": f"O_{identifier}", "avatar_url": f"{url}/avatar", "url": url,
        "gravatar_id": "", "html_url": f"{world.base}/{login}", "type": kind, "site_admin": False, **links,
    }  # fmt: skip


def team(world: World, owner: str, slug: str, identifier: int) -> Json:
    """A team where it reviews something; GET of it adds more."""
    url = f"{api(world)}/organizations/1/team/{identifier}"
    return {
        "id": identifier, "node_id": f"T_{identifier}", "name": slug, "slug": slug, "description": "", "url": url,
        "html_url": f"{world.base}/orgs/{owner}/teams/{slug}", "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos", "permission": "pull", "privacy": "closed", "parent": None,
        "notification_setting": "notifications_enabled", "type": "organization", "organization_id": 1,
    }  # fmt: skip


def organization(world: World, login: str) -> Json:
    """GET /orgs/{org}."""
    url = f"{api(world)}/orgs/{login}"
    links = {
        f"{link}_url": f"{url}/{link}" for link in ("repos", "events", "hooks", "issues", "members", "public_members")
    }
    return {
        "login": login, "id": 1, "node_id": "O_1", "url": url, **links, "avatar_url": f"{url}/avatar",
        "description": None, "html_url": f"{world.base}/{login}", "has_organization_projects": False,
        "has_repository_projects": False, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
        "type": "Organization", "created_at": timestamp(EPOCH), "updated_at": timestamp(EPOCH), "archived_at": None,
    }  # fmt: skip


def repository(world: World, repository: Repository) -> Json:
    """GET /repos/{owner}/{repo}; lists hold the same."""
    url = f"{api(world)}/repos/{repository.full_name}"
    html = f"{world.base}/{repository.full_name}"
    return {
        "id": repository.id, "node_id": f"R_{repository.id}", "name": repository.name,
        "full_name": repository.full_name,
        "owner": account(world, repository.owner), "private": repository.private, "html_url": html, "description": None,
        "url": url, **{f"{link}_url": f"{url}/{link}" for link in _REPOSITORY_LINKS}, **dict.fromkeys(_NO, False),
        **dict.fromkeys(_NONE, 0), "clone_url": f"{html}.git", "git_url": f"{html}.git", "ssh_url": f"{html}.git",
        "svn_url": html, "homepage": None, "language": None, "mirror_url": None, "license": None,
        "default_branch": "main", "visibility": "private" if repository.private else "public",
        "pushed_at": timestamp(EPOCH), "created_at": timestamp(EPOCH), "updated_at": timestamp(EPOCH),
    }  # fmt: skip


def runner(world: World, runner: Runner) -> Json:
    """One runner as lists and JIT configurations show it."""
    labels = [
        {"id": number, "name": name, "type": "read-only" if name.lower() in READ_ONLY_LABELS else "custom"}
        for number, name in enumerate(runner.labels, 1)
    ]
    return {
        "id": runner.id, "name": runner.name, "os": "Linux" if runner.version else "unknown",
        "status": "online" if world.is_online(runner) else "offline", "busy": runner.job is not None,
        "ephemeral": True, "runner_group_id": runner.group, "version": runner.version, "labels": labels,
    }  # fmt: skip


def group(world: World, group: Group) -> Json:
    """A runner group of an organization."""
    url = f"{api(world)}/orgs/{group.organization}/actions/runner-groups/{group.id}"
    return {
        "id": group.id, "default": group.default, "inherited": False, "workflow_restrictions_read_only": False,
        "restricted_to_workflows": False, "selected_workflows": [], "visibility": "all",
        "allows_public_repositories": False, "runners_url": f"{url}/runners", **group.settings,
        "selected_repositories_url": f"{url}/repositories",
    }  # fmt: skip


def branch(world: World, repository: Repository, name: str) -> Json:
    """GET /repos/{owner}/{repo}/branches/{branch}."""
    url = f"{api(world)}/repos/{repository.full_name}/branches/{name}"
    return {
        "name": name, "commit": _commit(world, repository, repository.branches[name][-1]), "protected": False,
        "protection": {"enabled": False}, "protection_url": f"{url}/protection",
        "_links": {"html": f"{world.base}/{repository.full_name}/tree/{name}", "self": url},
    }  # fmt: skip


def move(world: World, ref: str, commits: tuple[str, str]) -> Json:
    """One of GET /repos/{owner}/{repo}/activity: a push that took a branch from one commit to the next."""
    before, after = commits
    return {
        "id": int(after[:12], 16), "node_id": f"PSH_{after[:7]}", "before": before, "after": after, "ref": ref,
        "timestamp": timestamp(EPOCH), "activity_type": "push", "actor": account(world, "ada", 3, "User"),
    }  # fmt: skip


def comment(world: World, repository: Repository, comment: Comment) -> Json:
    """A comment on a commit."""
    path = f"{repository.full_name}/commits/{comment.commit}"
    return {
        "id": comment.id, "node_id": f"CC_{comment.id}", "body": comment.body, "path": None, "position": None,
        "line": None, "commit_id": comment.commit, "user": account(world, comment.author.replace(" ", "-"), 4, "Bot"),
        "author_association": "NONE", "created_at": timestamp(comment.made), "updated_at": timestamp(comment.made),
        "url": f"{api(world)}/repos/{repository.full_name}/comments/{comment.id}",
        "html_url": f"{world.base}/{path}#commitcomment-{comment.id}",
    }  # fmt: skip


def _commit(world: World, repository: Repository, sha: str) -> Json:
    url = f"{api(world)}/repos/{repository.full_name}/commits/{sha}"
    person = {"name": "Ada", "email": "ada@example.com", "date": timestamp(EPOCH)}
    git = {"sha": sha, "url": f"{url}/tree"}
    return {
        "url": url, "sha": sha, "node_id": f"C_{sha[:7]}", "html_url": url, "comments_url": f"{url}/comments",
        "author": account(world, "ada", 3, "User"), "committer": account(world, "ada", 3, "User"), "parents": [],
        "commit": {
            "url": url, "author": person, "committer": person, "message": "change", "comment_count": 0, "tree": git,
        },
    }  # fmt: skip


def run(world: World, run: Run) -> Json:
    """A workflow run."""
    url = f"{api(world)}/repos/{run.repository.full_name}/actions/runs/{run.id}"
    shown = repository(world, run.repository)
    status = world.shown_status_of_run(run)
    return {
        "id": run.id, "node_id": f"WFR_{run.id}", "name": run.workflow.name, "head_branch": run.ref,
        "head_sha": run.commit, "path": run.workflow.path, "run_number": run.number, "run_attempt": run.attempt,
        "display_title": run.workflow.name, "event": run.event, "status": status,
        "conclusion": world.shown_conclusion_of_run(run), "workflow_id": run.workflow.id, "url": url,
        "pull_requests": [], "html_url": f"{world.base}/{run.repository.full_name}/actions/runs/{run.id}",
        "created_at": timestamp(run.made), "updated_at": timestamp(_changed(run)), "head_commit": None,
        "head_repository": repository(world, run.head or run.repository), "repository": shown,
        "jobs_url": f"{url}/jobs", "logs_url": f"{url}/logs",
        "check_suite_url": f"{url}/check-suite", "artifacts_url": f"{url}/artifacts", "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun", "workflow_url": f"{url}/workflow",
    }  # fmt: skip


def _changed(run: Run) -> float:
    """When one of its jobs was made, began or ended last. A list of runs of which none has changed is the same one."""
    moments = [moment for job in run.jobs for moment in (job.made, job.started, job.ended)]
    return max([run.made, *moments])


def job(world: World, job: Job) -> Json:
    """One job; its runner is named as soon as it has one, and stays named."""
    whole = world.runs[job.run]
    url = f"{api(world)}/repos/{whole.repository.full_name}/actions/jobs/{job.id}"
    runner_ = job.runner
    status = world.shown_status(job)
    completed = status == "completed"
    steps = [step(number, name, entry) for number, (name, entry) in enumerate(job.steps.items(), 1)]
    return {
        "id": job.id, "node_id": f"CR_{job.id}", "run_id": job.run, "run_attempt": job.attempt, "name": job.plan.key,
        "run_url": f"{api(world)}/repos/{whole.repository.full_name}/actions/runs/{job.run}", "head_sha": whole.commit,
        "url": url, "html_url": f"{world.base}/{whole.repository.full_name}/actions/runs/{job.run}/job/{job.id}",
        "status": status, "conclusion": job.conclusion if completed else None, "created_at": timestamp(job.made),
        "started_at": timestamp(job.started or job.made),
        "completed_at": timestamp(job.ended) if completed else None, "labels": list(job.plan.labels),
        "check_run_url": f"{url}/check-run", "workflow_name": whole.workflow.name, "head_branch": whole.ref,
        "runner_id": runner_.id if runner_ else None, "runner_name": runner_.name if runner_ else None,
        "runner_group_id": runner_.group if runner_ else None, "steps": steps,
        "runner_group_name": _group_name(world, runner_),
    }  # fmt: skip


def _group_name(world: World, runner_: Runner | None) -> str | None:
    """None as well once the group is gone: jobs outlive it."""
    group_ = world.groups.get(runner_.group) if runner_ else None
    return str(group_.settings["name"]) if group_ else None


def step(number: int, name: str, record: Mapping[str, object]) -> Json:
    """A step from the timeline record that the runner sent."""
    states = {"pending": "queued", "inprogress": "in_progress", "completed": "completed"}
    results = {"succeeded": "success", "failed": "failure", "skipped": "skipped", "canceled": "cancelled"}
    result = str(record.get("result") or "").lower()
    return {
        "name": name, "number": number, "status": states.get(str(record.get("state") or "").lower(), "queued"),
        "conclusion": results.get(result), "started_at": None, "completed_at": None,
    }  # fmt: skip


def environment(world: World, repository_: Repository, environment: Environment) -> Json:
    """An environment with the protection rules that its settings make."""
    url = f"{api(world)}/repos/{repository_.full_name}/environments/{environment.name}"
    settings = environment.settings
    rules: list[Json] = []
    if settings.get("wait_timer"):
        rules.append(
            {"id": environment.id + 1, "node_id": "GA_1", "type": "wait_timer", "wait_timer": settings["wait_timer"]}
        )
    reviewers: Iterable[Any] = settings.get("reviewers") or []  # type: ignore[assignment]
    if reviewers:
        shown = [{"type": entry["type"], "reviewer": _reviewer(world, repository_, entry)} for entry in reviewers]
        rules.append(
            {"id": environment.id + 2, "node_id": "GA_2", "type": "required_reviewers", "reviewers": shown,
             "prevent_self_review": bool(settings.get("prevent_self_review"))}
        )  # fmt: skip
    if settings.get("deployment_branch_policy"):
        rules.append({"id": environment.id + 3, "node_id": "GA_3", "type": "branch_policy"})
    return {
        "id": environment.id, "node_id": f"EN_{environment.id}", "name": environment.name, "url": url,
        "html_url": f"{world.base}/{repository_.full_name}/deployments", "created_at": timestamp(environment.made),
        "updated_at": timestamp(environment.made), "protection_rules": rules,
        "can_admins_bypass": settings.get("can_admins_bypass", True),
        "deployment_branch_policy": settings.get("deployment_branch_policy"),
    }  # fmt: skip


def _reviewer(world: World, reviewed: Repository, entry: Mapping[str, Any]) -> Json:
    if entry["type"] == "Team":
        return team(world, reviewed.owner, f"team-{entry['id']}", entry["id"])
    return account(world, f"user-{entry['id']}", entry["id"], "User")


def pending_deployment(world: World, repository_: Repository, name: str) -> Json:
    """An environment that waits for its reviewers."""
    environment_ = repository_.environments[name]
    shown = environment(world, repository_, environment_)
    reviewers: Iterable[Any] = environment_.settings.get("reviewers") or []  # type: ignore[assignment]
    return {
        "environment": {key: shown[key] for key in ("id", "node_id", "name", "url", "html_url")},
        "wait_timer": 0, "wait_timer_started_at": None, "current_user_can_approve": True,
        "reviewers": [
            {"type": entry["type"], "reviewer": _reviewer(world, repository_, entry)} for entry in reviewers
        ],
    }  # fmt: skip


def deployment(world: World, run: Run, environment_: Environment) -> Json:
    """What an approval makes."""
    url = f"{api(world)}/repos/{run.repository.full_name}"
    return {
        "id": environment_.id, "node_id": f"DE_{environment_.id}", "url": f"{url}/deployments/{environment_.id}",
        "sha": run.commit, "ref": run.ref, "task": "deploy", "payload": {}, "environment": environment_.name,
        "original_environment": environment_.name, "description": None, "creator": account(world, "ada", 3, "User"),
        "created_at": timestamp(run.made), "updated_at": timestamp(world.clock.now()),
        "statuses_url": f"{url}/deployments/{environment_.id}/statuses", "repository_url": url,
    }  # fmt: skip


def workflow(world: World, repository_: Repository, workflow_: Workflow) -> Json:
    """A workflow file."""
    url = f"{api(world)}/repos/{repository_.full_name}/actions/workflows/{workflow_.id}"
    html = f"{world.base}/{repository_.full_name}"
    return {
        "id": workflow_.id, "node_id": f"W_{workflow_.id}", "name": workflow_.name, "path": workflow_.path,
        "state": "active", "created_at": timestamp(EPOCH), "updated_at": timestamp(EPOCH), "url": url,
        "html_url": f"{html}/blob/main/{workflow_.path}", "badge_url": f"{html}/workflows/{workflow_.id}/badge.svg",
    }  # fmt: skip
