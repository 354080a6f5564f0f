"""An API server with other keys signs with one, and accepts its own as before."""

from lab.daemon import Daemon
from lab.faults.faults_of_keys import ACCEPTED, SIGNING, with_keys

OWN = Daemon("kube-apiserver", ["kube-apiserver", "--profiling=false", f"{ACCEPTED}own", f"{SIGNING}own"])


def keys(server: Daemon, flag: str) -> list[str]:
    return [argument.removeprefix(flag) for argument in server.argv if argument.startswith(flag)]


def test_it_signs_with_the_new_key_and_accepts_both() -> None:
    rotated = with_keys(OWN, "new")
    assert keys(rotated, SIGNING) == ["new"]
    assert keys(rotated, ACCEPTED) == ["own", "new"]


def test_on_the_way_back_it_signs_with_its_own_and_still_accepts_both() -> None:
    both = with_keys(OWN, "own", "own", "new")
    assert keys(both, SIGNING) == ["own"]
    assert keys(both, ACCEPTED) == ["own", "new"]


def test_everything_else_stays_and_its_own_description_too() -> None:
    rotated = with_keys(OWN, "new")
    assert [argument for argument in rotated.argv if "service-account" not in argument] == [
        "kube-apiserver",
        "--profiling=false",
    ]
    assert rotated.name == OWN.name
    assert keys(OWN, SIGNING) == ["own"]
