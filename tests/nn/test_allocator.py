"""Running out of memory, from Python and from both of torch's allocators."""

import platform
import subprocess
import sys

import pytest
import torch

from xception_lab.nn.allocator import is_out_of_memory


def test_an_allocation_that_torch_refuses_is_recognised() -> None:
    with pytest.raises(RuntimeError) as refusal:
        torch.empty(2**60, dtype=torch.uint8)  # more than any machine can address
    assert is_out_of_memory(refusal.value)
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert is_out_of_memory(RuntimeError("could not create a primitive"))
    assert not is_out_of_memory(RuntimeError("no kernel for Half"))
    assert not is_out_of_memory(ValueError("batch_size=0: must be a whole number of at least 1"))


def test_the_module_is_imported_without_torch() -> None:
    code = "import sys, xception_lab.nn.allocator; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is freed")
def test_what_is_freed_below_what_is_kept_goes_back_to_the_system() -> None:
    code = """
import psutil
from xception_lab.nn.allocator import return_freed_memory
rss = psutil.Process().memory_info
# each smaller than what glibc maps by itself; the last one keeps the heap from shrinking
blocks = [b"x" * 100_000 for _ in range(1000)]
del blocks[:-1]
before = rss().rss
return_freed_memory()
print(before - rss().rss > 80_000_000)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"
