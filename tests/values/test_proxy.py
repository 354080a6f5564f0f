"""What a proxy is for, and what pods are told of it."""

import pytest

from values.proxy import Proxy, is_no_proxy, is_proxy_url, proxy_for, rule_of

PROXY = Proxy("http://proxy.example.com:3128", ("Example.com", ".internal", "10.0.0.0/8", "192.0.2.7", "fd00::/8"))


@pytest.mark.parametrize(
    ("host", "is_direct"),
    [
        ("example.com", True),
        ("git.EXAMPLE.com", True),
        ("notexample.com", False),
        ("example.com.evil.org", False),
        ("internal", True),
        ("a.b.internal", True),
        ("10.20.0.7", True),
        ("11.0.0.1", False),
        ("192.0.2.7", True),
        ("192.0.2.70", False),
        ("fd00::1", True),
        ("2001:db8::1", False),
        ("api.github.com", False),
    ],
)
def test_what_is_named_is_reached_directly_with_all_below_it(host: str, is_direct: bool) -> None:
    assert PROXY.is_for(host) is not is_direct
    assert proxy_for(PROXY, host) == ("" if is_direct else PROXY.url)


def test_without_a_proxy_everything_is_reached_directly() -> None:
    assert proxy_for(None, "github.com") == ""


def test_pods_never_ask_a_proxy_for_the_registrar_or_the_api_server() -> None:
    direct = PROXY.variables["no_proxy"].split(",")
    assert {".svc", "$(KUBERNETES_SERVICE_HOST)", "localhost", "10.0.0.0/8"} <= set(direct)
    assert {name.upper() for name in PROXY.variables} <= set(PROXY.variables)


@pytest.mark.parametrize("url", ["http://proxy:3128", "https://proxy.example.com:443/", "http://[fd00::1]:3128"])
def test_a_proxys_url_has_a_port(url: str) -> None:
    assert is_proxy_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy:3128",
        "http://proxy",
        "http://user:pass@proxy:3128",
        "http://user@proxy:3128",
        "http://proxy:3128/path",
        "http://proxy:3128?x",
        "http://proxy:70000",
        "http://proxy:0",
        "socks5://proxy:1080",
        "http://PROXY:3128",
        "http://[::ffff:127.0.0.1]:3128",
        "http://[::ffff:10.0.0.9]:3128",
        "http://proxy:3128\n",
        f"http://{'a' * 300}:3128",
        "http://pröxy:3128",
    ],
)
def test_what_is_none_is_refused(url: str) -> None:
    assert not is_proxy_url(url)


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "",
        ".",
        "http://a",
        "a b",
        "a,b",
        "example.com:443",
        "*.example.com",
        "10.0.0.1/8",
        "fe80::1%eth0",
        "fe80::1%a,b",
        "::1%$(HOME)",
        "::ffff:10.0.0.1",
    ],
)
def test_what_cannot_be_reached_directly_by_everybodys_reading_is_refused(text: str) -> None:
    assert not is_no_proxy(text)


def test_where_a_proxy_answers_is_known_of_an_address_alone() -> None:
    assert rule_of("http://10.0.0.9:3128") == {"cidr": "10.0.0.9/32", "ports": [3128]}
    assert rule_of("http://[fd00::1]:3128") == {"cidr": "fd00::1/128", "ports": [3128]}
    assert rule_of(PROXY.url) is None
