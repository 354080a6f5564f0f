"""What the lab takes out of iptables and the address sets, and what it leaves."""

from lab.network import named_by_kubernetes, without_kubernetes

RULES = """*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:OWN - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -s 192.0.2.1/32 -j OWN
-A KUBE-SERVICES -d 10.96.0.1/32 -j ACCEPT
COMMIT
"""


def test_rules_of_others_survive_lab_down() -> None:
    kept = without_kubernetes(RULES)
    assert kept == "*nat\n:PREROUTING ACCEPT [0:0]\n:OWN - [0:0]\n-A PREROUTING -s 192.0.2.1/32 -j OWN\nCOMMIT\n"


def test_address_sets_of_others_survive_lab_down() -> None:
    listed = "KUBE-SRC-3YNVZWWGX3UQQ4VQ\ninet6:KUBE-DST-7MHFXBCVSNU6ZYAY\nfail2ban-sshd\nmy-KUBE-set\n"
    assert named_by_kubernetes(listed) == ["KUBE-SRC-3YNVZWWGX3UQQ4VQ", "inet6:KUBE-DST-7MHFXBCVSNU6ZYAY"]
