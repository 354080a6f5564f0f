"""The stack files of the demo at GitHub load, as those at Gitea do."""

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lab import repositories
from tests.program.stack_values import ROOT, loaded_file


@pytest.mark.parametrize(("stack", "pool"), [("platform", "base"), ("dev", "cuda")])
def test_a_stack_of_the_demo_at_github_loads(stack: str, pool: str) -> None:
    config = yaml.safe_load((ROOT / f"lab/demo/github/Pulumi.{stack}.yaml").read_text())["config"]
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    keys = dict.fromkeys(("GITHUB_APP_PRIVATE_KEY", "GITHUB_WIRING_APP_PRIVATE_KEY"), pem)
    values = dict.fromkeys((f"GPU_RUNNERS_SECRET_{name}" for name in repositories.SECRETS), "hush")
    loaded = loaded_file(config, keys | values)
    assert [entry["name"] for entry in loaded.pools] == [pool]
