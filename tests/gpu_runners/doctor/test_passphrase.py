"""Whose passphrase it is, told from the salt alone."""

import pytest

from gpu_runners.doctor.passphrase import opens

# Made by Pulumi 3.259 with the passphrase "hush one".
SALT = "v1:p4qP5Ykwt+I=:v1:/+5KBj7avPZAZeQZ:LwCHPo/QKbAw98I167Lxij/ALq/kLA=="


def test_a_passphrase_is_known_by_the_salt_that_pulumi_keeps() -> None:
    assert opens("hush one", SALT)
    assert not opens("hush two", SALT)


@pytest.mark.parametrize(
    "salt", ["", "v2:a:v1:b:c", "v1:x", "v1:!:v1:!:!", "v1:p4qP5Ykwt+I=:v1:AA==:AA==", "v1:é:v1:é:é"]
)
def test_a_salt_that_is_none_is_opened_by_nothing(salt: str) -> None:
    assert not opens("hush one", salt)
