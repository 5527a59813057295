"""The Time page's controls: five of the three blocks', and how they are timed."""

from dataclasses import dataclass
from typing import Literal

from xception_lab.spec import CompareSpec
from xception_lab.timing.settings import DTYPES, MEMORY_FORMATS, MODES, Dtype, MemoryFormat, Mode
from xception_lab.ui.fields.compare import BATCH_SIZE, IN_CHANNELS, KERNEL_SIZE, OUT_CHANNELS, SIZE, STRIDE
from xception_lab.ui.fields.field import N_, VIEW_AND_CONTROL, Field, Texts, flag_options, word_options

TimingView = Literal["latency", "roofline", "running", "operations", "devices", "xception", "bring"]
MeasuredOn = Literal["here", "nvidia-h100"]
TimedField = Literal["out_channels", "size", "batch_size"]

DTYPE: Field[Dtype] = Field(
    "dtype",
    word_options(*DTYPES),
    "float32",
    help=N_("How numbers are stored; tf32 multiplies float32 on the tensor cores of an NVIDIA GPU."),
)
MEMORY_FORMAT: Field[MemoryFormat] = Field(
    "memory_format",
    word_options(*MEMORY_FORMATS),
    "contiguous",
    help=N_("Order in memory: contiguous keeps a channel's picture together, channels_last a pixel's channels."),
)
BACKWARD = Field(
    "backward",
    flag_options(False),
    "false",
    help=N_("What is timed: the forward pass, or a training step's forward and backward."),
)


def _available_modes(texts: Texts) -> tuple[str, ...]:
    """Every mode; with a backward pass only those that have one."""
    return ("eager", "compiled") if BACKWARD.read(texts) else MODES


MODE: Field[Mode] = Field(
    "mode",
    word_options(*MODES),
    "eager",
    help=N_(
        "eager runs layer by layer; folded has its batch norms folded in; compiled is torch.compile's; "
        "graph is replayed on an accelerator at once."
    ),
    narrow=_available_modes,
)
MEASURED_ON: Field[MeasuredOn] = Field(
    "measured_on",
    word_options(
        "here", "nvidia-h100", labels={"here": N_("This machine, or a stored CPU"), "nvidia-h100": "NVIDIA H100"}
    ),
    "here",
    label=N_("Times of"),
    help=N_(
        "Whose times are shown: those measured on this machine, until then the stored ones of the likest CPU; or the "
        "stored ones of a GPU that this code has measured."
    ),
)
TIMED_ALONG: Field[TimedField] = Field(
    "timed_along",
    word_options("out_channels", "size", "batch_size"),
    "out_channels",
    label=N_("Along the axis"),
    help=N_("What runs along x."),
)
TIMING_VIEW: Field[TimingView] = Field(
    "timing_view",
    word_options(
        "latency",
        "roofline",
        "running",
        "operations",
        "devices",
        "xception",
        "bring",
        labels={
            "latency": N_("Latency"),
            "roofline": N_("Roofline"),
            "running": N_("One field runs"),
            "operations": N_("Operations"),
            "devices": N_("On other devices"),
            "xception": "Xception",
            "bring": N_("Your own GPU"),
        },
    ),
    "latency",
    label=N_("Look at"),
    help=N_("What is shown of the measurement."),
    part=VIEW_AND_CONTROL,
)


@dataclass(frozen=True, slots=True)
class TimingState:
    """The controls of the Time page."""

    in_channels: int = IN_CHANNELS.attribute()
    out_channels: int = OUT_CHANNELS.attribute()
    kernel_size: int = KERNEL_SIZE.attribute()
    size: int = SIZE.attribute()
    batch_size: int = BATCH_SIZE.attribute()
    stride: int = STRIDE.attribute()
    dtype: Dtype = DTYPE.attribute()
    memory_format: MemoryFormat = MEMORY_FORMAT.attribute()
    backward: bool = BACKWARD.attribute()
    mode: Mode = MODE.attribute()
    measured_on: MeasuredOn = MEASURED_ON.attribute()
    timed_along: TimedField = TIMED_ALONG.attribute()
    timing_view: TimingView = TIMING_VIEW.attribute()

    @property
    def spec(self) -> CompareSpec:
        """The three blocks and the picture that the controls ask for."""
        return CompareSpec(
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            kernel_size=self.kernel_size,
            size=self.size,
            batch_size=self.batch_size,
            stride=self.stride,
        )
