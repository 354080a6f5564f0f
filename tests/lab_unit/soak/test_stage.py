"""The platforms of a soak are valid stacks, each with two runners of its own."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lab.faults.forge_door import PORT, URL
from lab.soak.stage import REPOSITORY, RUNNERS, config, github_config, space
from lab.soak.strikes import GITEA, GITHUB
from tests.program.stack_values import loaded_file

CONFIGS = {GITEA: config(GITEA, f"{URL}/{REPOSITORY}", PORT), GITHUB: github_config()}


@pytest.mark.parametrize("side", CONFIGS)
def test_a_platform_is_a_valid_stack_with_one_pool_of_two_runners(side: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    credentials = {GITEA: {"FORGE_TOKEN": "t" * 40}, GITHUB: {"GITHUB_APP_PRIVATE_KEY": pem}}
    (pool,) = loaded_file(CONFIGS[side], credentials[side]).pools
    assert (pool["name"], pool["namespace"], pool["replicas"]) == (side, space(side), RUNNERS)
