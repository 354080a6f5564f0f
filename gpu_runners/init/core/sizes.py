"""What a runner may take of its node: its GPUs' part of three quarters of CPU and memory. Pure."""

from decimal import Decimal
from typing import Final

CPU: Final = "2"
MEMORY: Final = "8Gi"
SHARED_MEMORY: Final = "1Gi"
_FREE: Final = Decimal("0.75")  # what is left by daemons on every node, and by the node's own
_MI, _GI = Decimal(2**20), Decimal(2**30)


def cpu(cores: Decimal, gpus: int, of: int) -> str:
    """Of a node with so many cores and GPUs: whole cores, or steps of 50m below one."""
    part = _part(cores, gpus, of)
    if part >= 1:
        return str(int(part))
    return f"{max(50, int(part * 1000) // 50 * 50)}m" if part else CPU


def memory(size: Decimal, gpus: int, of: int) -> str:
    """Of a node with so many bytes and GPUs: whole Gi, or steps of 64Mi below one."""
    part = _part(size, gpus, of)
    if part >= _GI:
        return f"{int(part / _GI)}Gi"
    return f"{max(64, int(part / _MI) // 64 * 64)}Mi" if part else MEMORY


def shared_memory(size: Decimal) -> str:
    """A quarter of a runner's bytes for /dev/shm, at most 8Gi: loaders of data pass tensors through it."""
    quarter = min(size / 4, 8 * _GI)
    return f"{int(quarter / _GI)}Gi" if quarter >= _GI else f"{max(1, int(quarter / _MI))}Mi"


def _part(whole: Decimal, gpus: int, of: int) -> Decimal:
    return whole * _FREE * min(gpus or 1, of) / of if of else Decimal(0)
