"""Where a forge answers, as far as its URL tells: networks with the port, for those who may reach nothing else."""

from typing import Final

from values.egress import EgressRule, host_rule
from values.scope import GITHUB, ForgeScope

# `api` of https://api.github.com/meta, read in 2026. GitHub changes it a few times a year: the doctor compares.
GITHUB_API_NETWORKS: Final = (
    "192.30.252.0/22",
    "185.199.108.0/22",
    "140.82.112.0/20",
    "143.55.64.0/20",
    "2a0a:a440::/29",
    "2606:50c0::/32",
    "4.208.26.200/32",
    "4.225.11.201/32",
    "4.228.31.149/32",
    "4.237.22.34/32",
    "4.249.131.166/32",
    "20.26.156.210/32",
    "20.27.177.116/32",
    "20.29.134.17/32",
    "20.87.245.6/32",
    "20.175.192.149/32",
    "20.199.39.228/32",
    "20.200.245.245/32",
    "20.201.28.148/32",
    "20.205.243.168/32",
    "20.207.73.85/32",
    "20.217.135.0/32",
    "20.233.83.146/32",
    "48.202.248.39/32",
    "48.204.201.2/32",
    "172.182.252.137/32",
)


def is_github_com(forge: ForgeScope) -> bool:
    """Whether it is github.com itself, whose networks are published; those of ghe.com differ by region."""
    return forge.kind == GITHUB and forge.host == "github.com"


def forge_networks(forge: ForgeScope) -> list[EgressRule]:
    """The networks of a forge that is named by its address, or is github.com; none of one that has another name."""
    if is_github_com(forge):
        return [{"cidr": cidr, "ports": [forge.port]} for cidr in GITHUB_API_NETWORKS]
    try:
        return [host_rule(forge.host, [forge.port])]
    except ValueError:
        return []
