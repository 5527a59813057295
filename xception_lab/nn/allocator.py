"""Memory: the C library's allocator set to keep what is freed, and errors that mean there was not enough.

Importing this imports no torch.
"""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Keep freed memory in the process, up to the largest tensor of a run; for one that trains or measures. glibc only.

    Otherwise every activation is mapped anew, page by page: always under dask's nanny, which asks for it (2.6 times
    slower), and elsewhere until something large has been freed, so a block's time would depend on what ran before it.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


def return_freed_memory() -> None:
    """Give the system what this process has freed; for a server after tensors that it seldom needs. glibc only."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python or torch says that memory ran out, a device's or the machine's."""
    from torch import OutOfMemoryError

    # torch's allocator on the CPU raises a plain RuntimeError, and oneDNN says that it found no room for a kernel
    signs = ("allocate memory", "could not create a primitive")
    return isinstance(error, MemoryError | OutOfMemoryError) or any(sign in str(error) for sign in signs)
