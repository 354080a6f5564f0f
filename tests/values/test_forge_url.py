"""The address of a forge: a token goes wherever it says, so only what is plain is taken, and nothing is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from values.forge_url import ForgeUrl, read_forge_url
from values.scope import GITEA, GITHUB, parse_scope

CLEAR = "in clear"
PASSWORD = "hunter2"


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("https://GitHub.com/mlops", "https://github.com"),
        ("HTTPS://gitea.example.com:443/mlops", "https://gitea.example.com"),
        ("https://gitea.example.com:8443/mlops/", "https://gitea.example.com:8443"),
        ("http://10.85.0.1:3000/mlops/guide", "http://10.85.0.1:3000"),
        ("http://192.168.1.7/mlops", "http://192.168.1.7"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://[::1]:3000/a", "http://[::1]:3000"),
        ("http://[fd12::1]/a", "http://[fd12::1]"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]"),
        ("https://xn--gthub-n4a.example/a", "https://xn--gthub-n4a.example"),
    ],
)
def test_a_plain_url_has_one_root(text: str, root: str) -> None:
    assert read_forge_url(text).root == root


@pytest.mark.parametrize(
    "host",
    [
        "github.com", "www.github.com", "GITHUB.COM", "github.com:80", "github.com:443", "gitea.example.com",
        "acme.ghe.com", "8.8.8.8", "100.64.0.1", "169.254.169.254", "[fd00:ec2::254]", "[2001:db8::1]",
        "localhost.example.com", "gitea.gitea.svc", "gitea", "10.85.0.1.nip.io", "172.32.0.1", "0.0.0.1",
        "[::ffff:8.8.8.8]", "[::]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("forge", [GITEA, GITHUB])
def test_no_token_goes_out_in_clear(forge: str, host: str) -> None:
    for scheme in ("http", "HTTP", "hTTp"):
        with pytest.raises(ValueError, match=CLEAR):
            parse_scope(forge, f"{scheme}://{host}/mlops/guide")


@pytest.mark.parametrize(
    "text",
    [
        # names that a resolver, a proxy or a browser reads as another host than a person does
        "https://github.com./a", "https://github..com/a", "https://.github.com/a", "https://-a.com/a",
        "https://g\u0131thub.com/a", "https://\uff47ithub.com/a", "https://github\u3002com/a",
        "https://github.com\u2044a",
        "https://127.1/a", "https://2130706433/a", "https://0x7f.1/a", "https://010.0.0.1/a", "https://1.2.3.4.5/a",
        "https://[::1/a", "https://::1/a", "https://[fe80::1%25eth0]/a", "https://a_b.com/a",
        f"https://{'a.' * 130}com",
        # separators
        "https://github.com\\a", "https:\\\\github.com\\a", "https:/github.com/a", "https:github.com", "//github.com/a",
        "https:///github.com/a", "https://git\thub.com/a", "https://github.com/a\n", " https://github.com/a",
        "https://github.com/a b", "https://github.com/a%2Fb", "https://github.com//a", "https://github.com/a;b",
        # ports and schemes
        "https://github.com:0/a", "https://github.com:99999/a", "https://github.com:-1/a", "https://github.com:/a",
        "https://github.com:\u0664\u0664/a", "https://github.com:443:443/a",
        "ftp://github.com/a", "file:///etc/passwd", "javascript:alert(1)", "https", "https://", "", "mlops/guide",
        f"https://github.com/{'a' * 2000}",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(it|its) "):
        read_forge_url(text)


@pytest.mark.parametrize(
    "host",
    ["github.com:8443", "www.github.com:8443", "ghe.com", "a.acme.ghe.com", "api.ghe.com", "acme.ghe.com:8443"],
)  # fmt: skip
def test_githubs_own_service_has_one_name(host: str) -> None:
    with pytest.raises(ValueError, match="GitHub's own service is called"):
        parse_scope(GITHUB, f"https://{host}/mlops")


LOGINS = [
    f"https://user:{PASSWORD}@github.com/a", f"https://{PASSWORD}@github.com/a", f"https://u:a/{PASSWORD}@h/a",
    f"https://u:a#{PASSWORD}@h/a", f"https://u:a?{PASSWORD}@h/a", f"https://u:a@{PASSWORD}@h/a", f"u:{PASSWORD}@h:a",
    f"https://h/a?access_token={PASSWORD}", f"https://h/a?{PASSWORD}", f"https://h/a#{PASSWORD}",
    f"https://u:a {PASSWORD}@h",
    f"ssh://git:{PASSWORD}@h/a", f"https:/u:{PASSWORD}@h/a", f"https://u:{PASSWORD}\n@h/a",
    f"https://u:{PASSWORD}%40h@h/a",
]  # fmt: skip


@pytest.mark.parametrize("text", LOGINS)
def test_a_login_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it (holds|has)") as refused:
        parse_scope(GITHUB, text)
    assert PASSWORD not in str(refused.value)


@given(st.text() | st.from_regex(r"https?://[a-zA-Z0-9.:@\[\]%/?#\\_-]{0,40}"))
def test_any_text_is_a_plain_url_or_a_value_error(text: str) -> None:
    try:
        url = read_forge_url(text)
    except ValueError:
        return
    assert read_forge_url(f"{url.root}{url.path}") == url, "it means the same when it is read again"
    assert url == ForgeUrl(url.scheme, url.host.lower(), url.port, url.path)
    assert url.root.isascii()
