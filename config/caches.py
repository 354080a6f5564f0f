"""Reads caches: what an environment grants as one, and which of them a pool mounts."""

from dataclasses import dataclass, replace
from typing import Final

from config.fields import Section
from config.kinds import choice, quantity, text_kind
from values.cache import ACCESS_MODES, ACCESSES, LONGEST_CLAIM, READ_ONLY, Cache, Claim, is_claim
from values.kubernetes_syntax import DNS_SUBDOMAIN, is_dns_subdomain
from values.quantity import CACHE

KEY: Final = "caches"
MOST_CACHES: Final = 16
CLAIM_KIND: Final = text_kind(
    is_claim,
    f"the name of a PersistentVolumeClaim, a DNS-1123 label of at most {LONGEST_CLAIM} letters",
    "write e.g. datasets",
    {"pattern": f"^[a-z0-9](?:[-a-z0-9]{{0,{LONGEST_CLAIM - 2}}}[a-z0-9])?$"},
)
ACCESS_KIND: Final = choice(ACCESSES)
MODE_KIND: Final = choice(ACCESS_MODES)
CLASS_KIND: Final = text_kind(
    lambda text: text == "" or is_dns_subdomain(text),
    'the name of a StorageClass, or "" for a volume that somebody made by hand',
    "write the name that `kubectl get storageclasses` shows",
    {"pattern": f"^(?:{DNS_SUBDOMAIN})?$"},
)
VOLUME_KIND: Final = text_kind(
    is_dns_subdomain,
    "the name of a PersistentVolume",
    "write the name that `kubectl get persistentvolumes` shows",
    {"pattern": f"^{DNS_SUBDOMAIN}$"},
)


@dataclass(frozen=True)
class CacheConfig:
    """A cache of an environment: its claim, which the platform makes, and who may write to it."""

    claim: Claim
    access: str

    @property
    def cache(self) -> Cache:
        """As pods may mount it."""
        return {"claim": self.claim["name"], "writable": self.access != READ_ONLY}


def read_caches(environment: Section) -> tuple[CacheConfig, ...]:
    """The list of an environment."""
    caches = tuple(_read_cache(section) for section in environment.sections(KEY, MOST_CACHES))
    environment.once(KEY, [cache.claim["name"] for cache in caches])
    return caches


def _read_cache(section: Section) -> CacheConfig:
    section.known("claim", "access", "size", "accessMode", "storageClass", "volume")
    claim: Claim = {
        "name": section.text("claim", CLAIM_KIND),
        "size": section.text("size", quantity(CACHE)),
        "access_mode": section.text("accessMode", MODE_KIND),
    }
    storage_class = section.optional_text("storageClass", CLASS_KIND)
    if storage_class is not None:
        claim["storage_class"] = storage_class
    if volume := section.optional_text("volume", VOLUME_KIND):
        claim["volume"] = volume
    access = section.text("access", ACCESS_KIND)
    if access not in ("", READ_ONLY) and claim["access_mode"] == "ReadOnlyMany":
        section.note("access", f"{access} of a claim that is ReadOnlyMany", READ_ONLY, "choose another accessMode")
    return CacheConfig(claim, access)


def read_mounts(pool: Section) -> list[Cache]:
    """The caches of a pool; each is mounted to be read unless it says that it is writable."""
    caches: list[Cache] = []
    for section in pool.sections(KEY, MOST_CACHES):
        section.known("claim", "writable")
        as_read = replace(section, fallbacks={"writable": False})  # as where a volume's `readOnly` is
        caches.append({"claim": section.text("claim", CLAIM_KIND), "writable": as_read.flag("writable")})
    pool.once(KEY, [cache["claim"] for cache in caches])
    return caches
