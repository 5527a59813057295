"""The timing lab's own controls; those of the blocks are the workbench's."""

from collections.abc import Mapping

from xception_lab.timing.settings import DTYPES, MEMORY_FORMATS, MODES
from xception_lab.ui.fields.field import FALSE, N_, TRUE, Field

TIMING_VIEWS = ("latency", "roofline", "running", "operations", "devices", "xception", "bring")


def _with_gradients(values: Mapping[str, str]) -> tuple[str, ...]:
    """Folding and replaying know no way back."""
    return ("eager", "compiled") if values.get("backward") == TRUE else MODES


TIMING_FIELDS = (
    Field(
        "dtype",
        DTYPES,
        "float32",
        help=N_("How numbers are stored; tf32 multiplies float32 on the tensor cores of an NVIDIA GPU."),
    ),
    Field(
        "memory_format",
        MEMORY_FORMATS,
        "contiguous",
        help=N_("Order in memory: contiguous keeps a channel's picture together, channels_last a pixel's channels."),
    ),
    Field(
        "backward",
        (FALSE, TRUE),
        FALSE,
        help=N_("What is timed: the forward pass, or a training step's forward and backward."),
    ),
    Field(
        "mode",
        MODES,
        "eager",
        help=N_(
            "eager runs layer by layer; folded has its batch norms folded in; compiled is torch.compile's; "
            "graph is replayed on an accelerator at once."
        ),
        narrowed=_with_gradients,
    ),
    Field("timed_along", ("out_channels", "size", "batch_size"), "out_channels", help=N_("What runs along x.")),
    Field("timing_view", TIMING_VIEWS, "latency", help=N_("What is shown of the measurement.")),
)
TIMING_BLOCK_KEYS = ("in_channels", "out_channels", "kernel_size", "size", "batch_size")
TIMING_OWN_KEYS = tuple(field.key for field in TIMING_FIELDS)
TIMING_KEYS = (*TIMING_BLOCK_KEYS, *TIMING_OWN_KEYS)
