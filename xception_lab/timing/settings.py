"""What is timed and how: a block or a network, its input, and the way it is run."""

from dataclasses import dataclass
from typing import Literal

from xception_lab.arch.cost import Cost, block_cost, network_cost
from xception_lab.common.validate import check_choice, check_flag, check_type
from xception_lab.spec import BlockSpec, XceptionSpec

Dtype = Literal["float32", "tf32", "float16", "bfloat16"]
MemoryFormat = Literal["contiguous", "channels_last"]
Mode = Literal["eager", "folded", "compiled", "graph"]

DTYPES: tuple[Dtype, ...] = ("float32", "tf32", "float16", "bfloat16")
MEMORY_FORMATS: tuple[MemoryFormat, ...] = ("contiguous", "channels_last")
MODES: tuple[Mode, ...] = ("eager", "folded", "compiled", "graph")

# tf32 is a way to multiply float32 numbers, which are stored as float32
STORAGE_DTYPE = {"tf32": "float32"}


@dataclass(frozen=True, slots=True)
class Settings:
    """One thing to time.

    subject: a block or a whole network. height, width: of its input. dtype: "tf32" is float32 tensors, with products on
    tensor cores (CUDA). memory_format: "contiguous" (NCHW) or "channels_last" (NHWC).
    mode: "eager"; "folded" (batch norms folded into the convolutions, inference only); "compiled" (torch.compile);
    "graph" (captured once, replayed as a device graph). backward: forward and backward, in training mode.
    Raises ValueError naming field, value and rule.
    """

    subject: BlockSpec | XceptionSpec
    height: int
    width: int
    batch_size: int = 1
    dtype: Dtype = "float32"
    memory_format: MemoryFormat = "contiguous"
    mode: Mode = "eager"
    backward: bool = False

    def __post_init__(self) -> None:
        check_type("subject", self.subject, (BlockSpec, XceptionSpec), "a BlockSpec or an XceptionSpec")
        check_choice("dtype", self.dtype, DTYPES)
        check_choice("memory_format", self.memory_format, MEMORY_FORMATS)
        check_choice("mode", self.mode, MODES)
        check_flag("backward", self.backward)
        if self.backward and self.mode in ("folded", "graph"):
            raise ValueError(f"backward=True: needs mode='eager' or mode='compiled', got mode={self.mode!r}")
        self.cost()  # checks the sizes and that the kernel fits

    def cost(self) -> Cost:
        """The cost of one forward pass, in closed form. Raises ValueError as block_cost does."""
        dtype = STORAGE_DTYPE.get(self.dtype, self.dtype)
        if isinstance(self.subject, BlockSpec):
            return block_cost(self.subject, self.height, self.width, self.batch_size, dtype)
        return network_cost(self.subject, self.height, self.width, self.batch_size, dtype)

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        return self.subject.in_channels
