from lab.images import rootfs

LISTING = """\
http://mirror.example/debian/|bookworm|main
http://mirror.example/debian/|bookworm-updates|main
http://mirror.example/debian-security/|bookworm-security|main
https://vendor.example/apt|vendor-sdk-bookworm|main
https://other.example/node|nodistro|main
http://mirror.example/debian/|bookworm|main
"""


def test_the_base_comes_from_this_machine_s_own_sources_of_its_release_only() -> None:
    assert rootfs.sources(LISTING, "bookworm") == [
        "deb http://mirror.example/debian-security/ bookworm-security main",
        "deb http://mirror.example/debian/ bookworm main",
        "deb http://mirror.example/debian/ bookworm-updates main",
    ]


def test_a_machine_without_a_source_of_its_release_gives_none() -> None:
    assert rootfs.sources(LISTING, "trixie") == []
