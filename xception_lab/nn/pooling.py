"""3x3 max pooling of stride 2, as torch and as TensorFlow pad it; without gradients sooner than torch's own."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MaxPool2d(nn.MaxPool2d):
    """(N, C, H, W) -> (N, C, ceil(H / 2), ceil(W / 2)), with torch's padding=1."""

    def __init__(self) -> None:
        super().__init__(3, 2, padding=1)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """The largest of each window."""
        return _by_lines(input, 1, 1) if _sooner_by_lines(input) else F.max_pool2d(input, 3, 2, padding=1)


class SameMaxPool2d(nn.Module):
    """(N, C, H, W) -> (N, C, ceil(H / 2), ceil(W / 2)), with TensorFlow's SAME: the odd pixel goes right and bottom.

    Differs from padding=1 at every even size, where torch pads on the left and top instead.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The largest of each window."""
        height, width = map(int, x.shape[-2:])  # a tracer's are tensors
        # an odd side needs a pixel before and one after; an even side one after, where the last window sticks out
        before = height % 2, width % 2
        return _by_lines(x, *before) if _sooner_by_lines(x) else F.max_pool2d(x, 3, 2, before, ceil_mode=True)


def _sooner_by_lines(x: Tensor) -> bool:
    """torch's own reads nine values a window one by one, unless a pixel's channels lie together; 3 to 8 times slower.

    A gradient needs the places of the maxima, an exported or compiled network torch's own operation.
    """
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()  # pyright: ignore[reportPrivateImportUsage]
    followed = torch.is_grad_enabled() and x.requires_grad
    return x.device.type == "cpu" and x.is_contiguous() and not traced and not followed


def _by_lines(x: Tensor, top: int, left: int) -> Tensor:
    """The largest of three rows, then of three columns: what the largest of the nine is."""
    return _of_three(_of_three(x, 2, top), 3, left)


def _of_three(x: Tensor, dim: int, before: int) -> Tensor:
    """The largest of each line of `dim` and its neighbours, every other line; before: lines of padding, 0 or 1."""
    # with one before, windows stand on lines 0, 2, 4 ...; with none on 1, 3, 5 ...
    centres, others = (x[:, :, start::2] if dim == 2 else x[..., start::2] for start in (1 - before, before))
    largest = centres.clone(memory_format=torch.contiguous_format)
    count, between = centres.shape[dim], others.shape[dim]
    # the first of the others lies after the first centre, or before it
    for first, skip in ((0, 0), (1, 0)) if before else ((0, 0), (0, 1)):
        length = min(count - first, between - skip)
        part = largest.narrow(dim, first, length)
        torch.maximum(part, others.narrow(dim, skip, length), out=part)
    return largest
