"""What a pull request changes in the file of a stack that no workflow previews, as far as the file itself tells. Pure.

A platform's preview needs the passphrase of a state that holds the forge's credential, and no pull request gets that.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gpu_runners.review.core.capacity import device_of
from gpu_runners.review.core.differing import differences
from gpu_runners.review.core.field_path import Item, Path, show
from gpu_runners.review.core.findings import Capacity, Change, Review
from gpu_runners.review.core.secrecy import MASK, redacted
from gpu_runners.review.core.stack_changes import StackFile

OPERATION: Final = "configure"
MOST_CHANGES: Final = 200
POOLS: Final = "gpu-runners:pools"
_SECURE: Final = "secure"  # how Pulumi writes an encrypted value


def file_review(stack: str, before: StackFile | None, after: StackFile) -> Review:
    """Each key that changes, and the capacity of its pools."""
    old, new = (before.config if before else {}), after.config
    changes = list(_changes(old, new))
    notes = [
        "Not previewed: a platform's preview needs the forge's credential, which no pull request gets. "
        f"This is what changes in its file; an administrator sees the rest with `make review STACK={stack}`."
    ]
    if len(changes) > MOST_CHANGES:
        notes.append(f"… and {len(changes) - MOST_CHANGES} more keys.")
    return Review(
        stack=stack,
        changes=tuple(changes[:MOST_CHANGES]),
        drift=(),
        capacity=tuple(_capacity(old, new)),
        violations=(),
        unread=(),
        left_out=(),
        failure="",
        notes=tuple(notes),
    )


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for path, before, after in differences(_masked(old), _masked(new)):
        yield Change(
            operation=OPERATION,
            resource=show(_short(path)[: 2 if any(isinstance(step, Item) for step in path[1:2]) else 1]),
            field=show(_short(path)),
            before=redacted(before, path),
            after=redacted(after, path),
        )


def _short(path: Path) -> Path:
    return (str(path[0]).removeprefix("gpu-runners:"), *path[1:]) if path else path


def _masked(value: Any) -> Any:
    """With keys that are text, as a path has them, and no ciphertext."""
    if isinstance(value, dict):
        return MASK if _SECURE in value else {str(key): _masked(part) for key, part in value.items()}
    return [_masked(part) for part in value] if isinstance(value, list) else value


def _capacity(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Capacity]:
    before, after = _pools(old), _pools(new)
    for name in sorted({*before, *after}):
        device = after.get(name, before.get(name, ("", 0, 0)))[0]
        _, devices_before, runners_before = before.get(name, (device, 0, 0))
        _, devices_after, runners_after = after.get(name, (device, 0, 0))
        if (devices_before, runners_before) != (devices_after, runners_after):
            yield Capacity(
                pool=name,
                device=device,
                before=devices_before,
                after=devices_after,
                runners_before=runners_before,
                runners_after=runners_after,
                price=None,
            )


def _pools(config: Mapping[str, Any]) -> dict[str, tuple[str, int, int]]:
    """Name → device, devices, runners, of what is written as it should be."""
    pools: dict[str, tuple[str, int, int]] = {}
    listed = config.get(POOLS)
    for pool in listed if isinstance(listed, list) else ():
        if isinstance(pool, dict) and isinstance(pool.get("name"), str):
            gpu = pool["gpu"] if isinstance(pool.get("gpu"), dict) else {}
            selector = gpu["nodeSelector"] if isinstance(gpu.get("nodeSelector"), dict) else {}
            replicas, count = _most_runners(pool), _count(gpu.get("count", 0))
            device = device_of(str(gpu.get("resource") or gpu.get("preset") or "GPU"), selector) if count else ""
            pools[pool["name"]] = (device, replicas * count, replicas)
    return pools


def _most_runners(pool: Mapping[str, Any]) -> int:
    """The most that it may have where it follows the queue, as a preview counts them."""
    scaled = pool.get("autoscaling")
    return _count(scaled.get("max") if isinstance(scaled, dict) else pool.get("replicas", 1))


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value <= 100_000 else 0
