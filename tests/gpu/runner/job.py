"""One job on a runner: what it sees of GPUs, whether CUDA computes, and who it is. Prints one line of JSON.

CUDA's driver interface by ctypes and a kernel as PTX text, so that the image needs no toolkit: what is tried is the
driver, its device files and the pod's restrictions.
"""

import ctypes
import json
import multiprocessing
import os
import subprocess
import time
from pathlib import Path

COUNT = 1 << 26  # floats: 256 MiB each of two buffers
ROUNDS = 20
BLOCK = 256

KERNEL = b"""
.version 7.0
.target sm_70
.address_size 64
.visible .entry saxpy(.param .u64 px, .param .u64 py, .param .f32 pa)
{
    .reg .f32 %a, %x, %y, %r;
    .reg .u32 %block, %size, %thread, %index;
    .reg .u64 %xs, %ys, %offset;
    ld.param.u64 %xs, [px];
    ld.param.u64 %ys, [py];
    ld.param.f32 %a, [pa];
    cvta.to.global.u64 %xs, %xs;
    cvta.to.global.u64 %ys, %ys;
    mov.u32 %block, %ctaid.x;
    mov.u32 %size, %ntid.x;
    mov.u32 %thread, %tid.x;
    mad.lo.u32 %index, %block, %size, %thread;
    mul.wide.u32 %offset, %index, 4;
    add.u64 %xs, %xs, %offset;
    add.u64 %ys, %ys, %offset;
    ld.global.f32 %x, [%xs];
    ld.global.f32 %y, [%ys];
    fma.rn.f32 %r, %a, %x, %y;
    st.global.f32 [%ys], %r;
    ret;
}
\0"""


def cuda() -> dict[str, object]:
    """Devices by name, and y = 2x + y over 64 Mi floats, ROUNDS times, held against the expected sum."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return {"error": str(error)}

    def call(name: str, *arguments: object) -> None:
        code = getattr(driver, name)(*arguments)
        if code:
            raise RuntimeError(f"{name}: CUDA error {code}")

    try:
        call("cuInit", 0)
        count = ctypes.c_int()
        call("cuDeviceGetCount", ctypes.byref(count))
        names = []
        for ordinal in range(count.value):
            name = ctypes.create_string_buffer(100)
            call("cuDeviceGetName", name, 100, ordinal)
            names.append(name.value.decode())
        return {"devices": names, **_saxpy(call)}
    except RuntimeError as error:
        return {"error": str(error)}


def _saxpy(call) -> dict[str, object]:  # type: ignore[no-untyped-def]
    context, module, function = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
    call("cuCtxSetCurrent", context)
    call("cuModuleLoadData", ctypes.byref(module), KERNEL)
    call("cuModuleGetFunction", ctypes.byref(function), module, b"saxpy")
    xs, ys = ctypes.c_uint64(), ctypes.c_uint64()
    for pointer, value in ((xs, 1.0), (ys, 3.0)):
        call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(4 * COUNT))
        bits = ctypes.c_uint32.from_buffer_copy(ctypes.c_float(value))
        call("cuMemsetD32_v2", pointer, bits, ctypes.c_size_t(COUNT))
    factor = ctypes.c_float(2.0)
    arguments = (ctypes.c_void_p * 3)(*(ctypes.cast(ctypes.pointer(a), ctypes.c_void_p) for a in (xs, ys, factor)))
    call("cuCtxSynchronize")
    started = time.monotonic()
    for _ in range(ROUNDS):
        call("cuLaunchKernel", function, COUNT // BLOCK, 1, 1, BLOCK, 1, 1, 0, None, arguments, None)
    call("cuCtxSynchronize")
    seconds = time.monotonic() - started
    got = (ctypes.c_float * COUNT)()
    call("cuMemcpyDtoH_v2", got, ys, ctypes.c_size_t(4 * COUNT))
    expected = 3.0 + 2.0 * ROUNDS
    wrong = sum(1 for value in got[:: COUNT // 4096] if value != expected)
    return {"wrong_values": wrong, "of_values": 4096, "gb_per_s": round(12 * COUNT * ROUNDS / seconds / 1e9)}


def shared_memory() -> dict[str, object]:
    """Whether workers of a data loader may share tensors: 256 MiB written by another process through /dev/shm."""
    size = os.statvfs("/dev/shm")  # noqa: S108 - what is tried
    block = multiprocessing.Array("b", 256 << 20, lock=False)
    child = multiprocessing.Process(target=_fill, args=(block,))
    child.start()
    child.join(60)
    return {"bytes": size.f_blocks * size.f_frsize, "shared": block[-1] == 7}


def _fill(block) -> None:  # type: ignore[no-untyped-def]
    block[-1] = 7


def nvidia_smi() -> str:
    """What `nvidia-smi -L` prints, or why it cannot."""
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=60)
    except OSError as error:
        return str(error)
    return (done.stdout + done.stderr).strip()


def main() -> None:
    """Prints what was found."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    found = {
        "uid": os.getuid(),
        "capabilities": status["CapEff"],
        "no_new_privileges": status["NoNewPrivs"],
        "seccomp": status["Seccomp"],
        "NVIDIA_VISIBLE_DEVICES": os.environ.get("NVIDIA_VISIBLE_DEVICES"),
        "device_files": sorted(str(path) for path in Path("/dev").glob("nvidia*")),
        "nvidia_smi": nvidia_smi(),
        "cuda": cuda(),
        "shared_memory": shared_memory(),
    }
    print("found " + json.dumps(found), flush=True)
    time.sleep(float(os.environ.get("JOB_SECONDS", "3")))


if __name__ == "__main__":
    main()
