"""Running out of memory, from Python and from both of torch's allocators."""

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
