"""Every key of the lab's S3 server against every bucket that is not its own: nothing is read, written or found out."""

import re
from collections.abc import Iterator
from itertools import product

import pytest

from lab import s3, worlds
from lab.s3_client import Answer, Client, send
from lab.worlds import ALL, BUCKETS, DATA, DEV, DEV_REVIEW, PLATFORM, World
from tests.lab.adversary.s3_attacker import ADMIN_CALLS, SUBRESOURCES, Attacker, query_of

SECRET = b"planted-state-Zq81xv"
STATE = ".pulumi/stacks/gpu-runners/victim.json"
LOCK = ".pulumi/locks/organization/gpu-runners/victim/1.json"
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
FOREIGN = [(world, bucket) for world in ALL for bucket in BUCKETS if bucket != world.bucket]
NAMES = [f"{world.name}-at-{bucket}" for world, bucket in FOREIGN]
EVERYBODY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"%s"}]}'
# Into another's bucket, from one's own.
PATH_TRICKS = (
    "/{mine}/../{theirs}/{key}", "/{mine}/%2e%2e/{theirs}/{key}", "/{mine}/..%2f{theirs}%2f{key}",
    "/{mine}%2f..%2f{theirs}/{key}", "/{mine}/x/../../{theirs}/{key}", "/{mine}/%252e%252e/{theirs}/{key}",
    "//{theirs}/{key}", "/./{theirs}/{key}", "/{mine}/..\\{theirs}\\{key}", "/{mine}/.%00./{theirs}/{key}",
    "/{mine};/../{theirs}/{key}", "/{mine}/{mine}/../../{theirs}/{key}", "/{mine}/..%5c{theirs}%5c{key}",
    "/%2e/{theirs}/{key}", "/{mine}/....//{theirs}/{key}", "/{mine}/..;/{theirs}/{key}", "/..%2f{theirs}/{key}",
)  # fmt: skip


def attacker(world: World) -> Attacker:
    return Attacker(s3.client(worlds.key(world)))


def content(bucket: str) -> dict[str, bytes]:
    """What the server's root sees of a bucket: the victims' objects, all names, unfinished uploads, who may use it."""
    root = s3.root_client()
    objects = {key: root.call("GET", f"/{bucket}/{key}").body for key in (STATE, LOCK)}
    names = root.call("GET", f"/{bucket}", query={"list-type": "2", "prefix": ".pulumi/"}).body
    uploads = root.call("GET", f"/{bucket}", query={"uploads": ""}).body
    settings = {
        name: root.ask("GET", f"/{bucket}", query={name: ""}).body for name in ("policy", "acl", "versioning")
    }  # fmt: skip
    counts = {"names": names.count(b"<Key>"), "uploads": uploads.count(b"<Upload>")}
    return objects | settings | {name: str(count).encode() for name, count in counts.items()}


def names_of_buckets() -> list[bytes]:
    return re.findall(b"<Name>(.*?)</Name>", s3.root_client().call("GET", "/").body)


@pytest.fixture(autouse=True)
def _everything_stays_as_it_was(lab: dict[str, str]) -> Iterator[None]:
    """Each bucket holds a state and a lock; whatever was tried, both are there afterwards, and no bucket more."""
    root = s3.root_client()
    for bucket, key in product(BUCKETS, (STATE, LOCK)):
        root.put(bucket, key, SECRET)
    before = {bucket: content(bucket) for bucket in BUCKETS}
    buckets = names_of_buckets()
    yield
    assert {bucket: content(bucket) for bucket in BUCKETS} == before
    assert names_of_buckets() == buckets
    for bucket, key in product(BUCKETS, (STATE, LOCK)):
        root.call("DELETE", f"/{bucket}/{key}")


def refused(answer: Answer) -> bool:
    """Nothing was done and nothing is told."""
    return answer.status >= 400 and SECRET not in answer.body and b"<Key>" not in answer.body


@pytest.mark.parametrize(("world", "theirs"), FOREIGN, ids=NAMES)
def test_no_request_that_s3_knows_reaches_another_worlds_bucket(world: World, theirs: str) -> None:
    mine = attacker(world)
    paths = (f"/{theirs}", f"/{theirs}/{STATE}", f"/{theirs}/{LOCK}", f"/{theirs}/new")
    queries: list[dict[str, str]] = [{}, *map(query_of, SUBRESOURCES)]
    let_through = [
        (method, path, query)
        for method, path, query in product(METHODS, paths, queries)
        if not refused(mine.ask(method, path, b"<x/>" if method in ("PUT", "POST") else b"", query=query))
    ]
    assert let_through == []


@pytest.mark.parametrize(("world", "theirs"), FOREIGN, ids=NAMES)
def test_no_copy_takes_from_or_brings_to_another_worlds_bucket(world: World, theirs: str) -> None:
    mine = attacker(world)
    to, their_state = f"/{world.bucket}/stolen", f"{theirs}/{STATE}"
    for source in (f"/{their_state}", their_state, f"{theirs}%2F{STATE}", f"{their_state}?versionId=null"):
        assert refused(mine.ask("PUT", to, x_amz_copy_source=source)), source
    assert refused(mine.ask("PUT", to, x_amz_copy_source=f"/{world.bucket}/../{their_state}"))
    assert refused(mine.ask("PUT", f"/{their_state}", x_amz_copy_source=f"/{world.bucket}/{STATE}"))
    assert not s3.root_client().exists(world.bucket, "stolen")


@pytest.mark.parametrize(("world", "theirs"), FOREIGN, ids=NAMES)
def test_no_spelling_of_a_path_leads_into_another_worlds_bucket(world: World, theirs: str) -> None:
    mine = attacker(world)
    assert mine.as_it_is("GET", f"/{world.bucket}/{STATE}").body == SECRET, "what is sent as it is reaches one's own"
    for trick, method in product(PATH_TRICKS, ("GET", "PUT", "DELETE")):
        target = trick.format(mine=world.bucket, theirs=theirs, key=STATE)
        answer = mine.as_it_is(method, target, b"mine" if method == "PUT" else b"")
        assert SECRET not in answer.body, target
    assert refused(mine.with_the_signature_of(f"/{world.bucket}/{STATE}", f"/{theirs}/{STATE}"))


@pytest.mark.parametrize(("world", "theirs"), FOREIGN, ids=NAMES)
def test_a_presigned_url_opens_no_more_than_its_key(world: World, theirs: str) -> None:
    mine = attacker(world)
    assert mine.presigned("GET", f"/{world.bucket}/{STATE}").body == SECRET
    for method in METHODS:
        assert refused(mine.presigned(method, f"/{theirs}/{STATE}", b"mine" if method == "PUT" else b"")), method


@pytest.mark.parametrize("world", ALL, ids=lambda world: world.name)
def test_no_key_makes_or_lists_buckets_or_changes_who_may_use_one(world: World) -> None:
    mine, own = attacker(world), f"/{world.bucket}"
    listed = mine.ask("GET", "/")
    assert [bucket for bucket in BUCKETS if bucket.encode() in listed.body] == []
    assert refused(mine.ask("PUT", "/a-bucket-of-mine"))
    assert refused(mine.ask("PUT", "/a-bucket-of-mine", x_amz_acl="public-read-write"))
    assert refused(mine.ask("DELETE", own))
    public = (EVERYBODY % f"arn:aws:s3:::{world.bucket}/*").encode()
    assert refused(mine.ask("PUT", own, public, query={"policy": ""}))
    assert refused(mine.ask("DELETE", own, query={"policy": ""}))
    assert refused(mine.ask("PUT", own, query={"acl": ""}, x_amz_acl="public-read-write"))
    assert refused(mine.ask("PUT", own, b"<CORSConfiguration/>", query={"cors": ""}))
    status = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert refused(mine.ask("PUT", own, status, query={"versioning": ""}))


@pytest.mark.parametrize("world", ALL, ids=lambda world: world.name)
@pytest.mark.parametrize("call", ADMIN_CALLS)
def test_no_key_manages_the_servers_accounts(world: World, call: str) -> None:
    mine, key = attacker(world), worlds.key(world)
    account = f"<Account><Access>{key.access}</Access><Secret>x</Secret><Role>admin</Role></Account>".encode()
    query = {"access": key.access, "bucket": PLATFORM.bucket, "owner": key.access}
    for method in ("PATCH", "PUT", "POST", "GET"):
        assert refused(mine.ask(method, call, account, query=query)), method
    assert refused(mine.ask("PATCH", call, account, x_vgw_owner=key.access))


def test_whoever_has_no_key_reaches_nothing() -> None:
    stranger = Client(s3.ENDPOINT, s3.REGION, "LABnobody", "x")
    known = Client(s3.ENDPOINT, s3.REGION, worlds.key(PLATFORM).access, "a wrong secret")
    as_root = Client(s3.ENDPOINT, s3.REGION, s3.root_client().access_key, "")
    for bucket, method in product(BUCKETS, METHODS):
        for path in (f"/{bucket}", f"/{bucket}/{STATE}"):
            for subresource in ("", *SUBRESOURCES):
                target = f"{path}?{subresource}" if subresource else path
                assert refused(send(s3.ENDPOINT, method, target, b"", {})), (method, target)
            assert all(refused(client.ask(method, path)) for client in (stranger, known, as_root)), (method, path)


def test_who_only_looks_at_an_environments_state_reads_it_and_changes_nothing() -> None:
    mine = attacker(DEV_REVIEW)
    assert mine.ask("GET", f"/{DEV.bucket}/{STATE}").body == SECRET
    for key, method in product((STATE, LOCK, "new"), ("PUT", "POST", "DELETE")):
        assert refused(mine.ask(method, f"/{DEV.bucket}/{key}", b"mine")), (method, key)
    delete = f"<Delete><Object><Key>{LOCK}</Key></Object></Delete>".encode()
    assert b"<Deleted>" not in mine.ask("POST", f"/{DEV.bucket}", delete, query={"delete": ""}).body
    assert refused(mine.ask("POST", f"/{DEV.bucket}/new", query={"uploads": ""}))


def test_a_training_job_adds_to_the_data_and_takes_nothing_away() -> None:
    mine, result = attacker(DATA), f"/{DATA.bucket}/probe/result"
    assert mine.ask("PUT", result, b"1").status == 200
    assert mine.ask("GET", result).body == b"1"
    assert refused(mine.ask("DELETE", result))
    s3.root_client().call("DELETE", result)


def test_a_key_that_was_revoked_opens_nothing_from_then_on() -> None:
    key = worlds.new_key()
    s3.make_account(key)
    keys = {world.name: worlds.key(world) for world in ALL} | {DEV.name: key}
    policy = worlds.bucket_policy(DEV.bucket, keys).encode()
    s3.root_client().call("PUT", f"/{DEV.bucket}", policy, query={"policy": ""})
    rotated, former = Attacker(s3.client(key)), attacker(DEV)
    try:
        assert rotated.ask("GET", f"/{DEV.bucket}/{STATE}").body == SECRET
        assert refused(former.ask("GET", f"/{DEV.bucket}/{STATE}"))
        s3.revoke(key)
        assert refused(rotated.ask("GET", f"/{DEV.bucket}/{STATE}"))
    finally:
        s3.seed()
