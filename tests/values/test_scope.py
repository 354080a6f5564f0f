"""A scope is parsed once: what it is, whose it is, and where the forge's API has it."""

import pytest

from values.scope import GITEA, GITHUB, Scope, ScopeKind, is_repository, parse_scope


@pytest.mark.parametrize(
    ("path", "kind", "owner", "repository", "api_path"),
    [
        ("mlops/guide", ScopeKind.REPOSITORY, "mlops", "guide", "/repos/mlops/guide"),
        ("mlops", ScopeKind.ORGANIZATION, "mlops", "", "/orgs/mlops"),
        ("", ScopeKind.INSTANCE, "", "", "/admin"),
        ("a.b/.github", ScopeKind.REPOSITORY, "a.b", ".github", "/repos/a.b/.github"),
    ],
)
def test_a_path_says_what_the_scope_is_and_where_the_api_has_it(
    path: str, kind: ScopeKind, owner: str, repository: str, api_path: str
) -> None:
    scope = Scope(path)
    assert (scope.kind, scope.owner, scope.repository, scope.api_path) == (kind, owner, repository, api_path)
    assert (str(scope), scope.is_repository) == (path, bool(repository))
    assert scope.runners_path == f"{api_path}/actions/runners"
    assert is_repository(path) == scope.is_repository


@pytest.mark.parametrize(
    "path",
    ["a/b/c", "/", "a/", "/b", "a//b", "..", ".", "a/..", "../b", "a/.", "a b", "a/b?c", "a/b#c", "a%2Fb", "a\n", "ä"],
)
def test_what_is_no_scope_cannot_be_one(path: str) -> None:
    with pytest.raises(ValueError, match="neither empty, nor an owner, nor owner/repository"):
        Scope(path)
    assert not is_repository(path)


@pytest.mark.parametrize("path", ["mlops/..", "../admin", "./guide", "mlops/guide/.."])
@pytest.mark.parametrize("forge", [GITEA, GITHUB])
def test_no_url_leads_to_another_path_of_the_api(forge: str, path: str) -> None:
    with pytest.raises(ValueError, match="neither empty, nor an owner, nor owner/repository"):
        parse_scope(forge, f"https://forge.example.com/{path}")


def test_scopes_are_values() -> None:
    assert sorted({Scope("b"), Scope("a/b"), Scope("a/b")}) == [Scope("a/b"), Scope("b")]


@pytest.mark.parametrize(
    ("url", "api", "path"),
    [
        ("https://github.com/mlops/guide", "https://api.github.com", "mlops/guide"),
        ("https://github.com/mlops", "https://api.github.com", "mlops"),
        ("https://acme.ghe.com/mlops", "https://api.acme.ghe.com", "mlops"),
        ("https://github.example.com/mlops/guide.git", "https://github.example.com/api/v3", "mlops/guide"),
        ("http://10.85.0.1:3100/mlops/guide", "http://10.85.0.1:3100/api/v3", "mlops/guide"),
    ],
)
def test_one_url_says_which_github_and_which_scope(url: str, api: str, path: str) -> None:
    scope = parse_scope("github", url)
    assert (scope.api_url, scope.path) == (api, path)
