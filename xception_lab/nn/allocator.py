"""The C library's allocator, told not to hand memory back between one call and the next. Free of torch."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Keep what is freed, up to the largest tensor of a run; for a process that trains or measures. glibc only.

    Else every activation is mapped anew, page by page: always under dask's nanny, which asks for it (2.6 times slower),
    and elsewhere until something large has been freed, so that a block's time would depend on what ran before it.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
