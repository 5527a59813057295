"""Parameters, MACs and bytes in closed form: no torch on this path.

Conventions, which differ from counter to counter: macs are multiply-accumulates of convolutions and linear layers,
without bias; flops = 2 * macs. Bytes are those of an unfused run: every operation reads its input and weights once and
writes its output once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xception_lab.arch.plan import Act, Conv, Linear, Norm, Op, Pool, block_ops, network_stages
from xception_lab.common.validate import check_choice, check_whole
from xception_lab.spec import BlockSpec, XceptionSpec

DTYPE_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}

Shape = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class LayerCost:
    """What one operation costs, for the whole batch; fields as in Cost. op: what kind of operation it is."""

    name: str
    op: str
    out_shape: Shape
    params: int
    macs: int
    weight_bytes: int
    activation_bytes: int
    moved_bytes: int

    @property
    def flops(self) -> int:
        """2 * macs."""
        return 2 * self.macs

    @property
    def intensity(self) -> float:
        """FLOPs per byte moved."""
        return self.flops / self.moved_bytes


@dataclass(frozen=True, slots=True)
class Cost:
    """What a block or a network costs, for the whole batch.

    layers: one LayerCost per operation.
    out_shape: (N, C, H, W).
    params: trainable parameters, affine weights of batch norms and biases included.
    macs: of convolutions and linear layers, without bias.
    weight_bytes: of the parameters.
    activation_bytes: of the outputs of every layer.
    moved_bytes: every layer reads its input and weights and writes its output once.
    """

    layers: tuple[LayerCost, ...]
    out_shape: Shape
    params: int
    macs: int
    weight_bytes: int
    activation_bytes: int
    moved_bytes: int

    @property
    def flops(self) -> int:
        """2 * macs."""
        return 2 * self.macs

    @property
    def intensity(self) -> float:
        """FLOPs per byte moved."""
        return self.flops / self.moved_bytes


def block_cost(spec: BlockSpec, height: int, width: int, batch_size: int = 1, dtype: str = "float32") -> Cost:
    """Cost of one block on a (batch_size, in_channels, height, width) input.

    dtype: a key of DTYPE_BYTES. Raises ValueError when a size, the batch or the dtype is invalid, or the kernel does
    not fit the padded picture.
    """
    shape = _input_shape(spec.in_channels, height, width, batch_size)
    return chain_cost(block_ops(spec), shape, dtype)


def chain_cost(ops: Iterable[Op], shape: Shape, dtype: str = "float32") -> Cost:
    """Cost of a sequence of operations on an input (N, C, H, W) of this shape; raises ValueError as block_cost does."""
    layers = list(_chain(ops, shape, _item_bytes(dtype)))
    return _total(layers, layers[-1].out_shape)


def network_cost(spec: XceptionSpec, height: int, width: int, batch_size: int = 1, dtype: str = "float32") -> Cost:
    """Cost of a whole network on a (batch_size, in_channels, height, width) picture (paper, Table 3).

    Dropout is not a layer of it: it does nothing at inference. Raises ValueError as block_cost does.
    """
    shape = _input_shape(spec.in_channels, height, width, batch_size)
    item = _item_bytes(dtype)
    layers: list[LayerCost] = []
    for stage in network_stages(spec):
        in_shape = shape
        body = list(_chain(stage.body, in_shape, item))
        layers += body
        shape = body[-1].out_shape
        if stage.shortcut is not None:
            layers += _chain(stage.shortcut, in_shape, item)
            written = _elements(shape) * item
            # an addition reads two tensors and writes one
            layers.append(LayerCost(f"{stage.name}.add", "add", shape, 0, 0, 0, written, 3 * written))
    return _total(layers, shape)


def _input_shape(channels: int, height: int, width: int, batch_size: int) -> Shape:
    check_whole("height", height)
    check_whole("width", width)
    check_whole("batch_size", batch_size)
    return batch_size, channels, height, width


def _item_bytes(dtype: str) -> int:
    check_choice("dtype", dtype, DTYPE_BYTES)
    return DTYPE_BYTES[dtype]


def _elements(shape: Shape) -> int:
    n, c, h, w = shape
    return n * c * h * w


def _total(layers: list[LayerCost], out_shape: Shape) -> Cost:
    return Cost(
        tuple(layers),
        out_shape,
        sum(layer.params for layer in layers),
        sum(layer.macs for layer in layers),
        sum(layer.weight_bytes for layer in layers),
        sum(layer.activation_bytes for layer in layers),
        sum(layer.moved_bytes for layer in layers),
    )


def _chain(ops: Iterable[Op], shape: Shape, item: int) -> Iterator[LayerCost]:
    """The cost of each operation of a sequence, the output of one being the input of the next."""
    for op in ops:
        out_shape, params, macs, label = _operation(op, shape)
        written = _elements(out_shape) * item
        weights = params * item
        read = _elements(shape) * item
        yield LayerCost(op.name, label, out_shape, params, macs, weights, written, read + weights + written)
        shape = out_shape


def _operation(op: Op, shape: Shape) -> tuple[Shape, int, int, str]:
    """(output shape, parameters, MACs, kind of operation) of one operation on an input of this shape."""
    n, c, h, w = shape
    match op:
        case Conv():
            out_h, out_w = _conv_size(op, h, "height"), _conv_size(op, w, "width")
            weights = op.out_channels * (op.in_channels // op.groups) * op.kernel_size**2
            params = weights + (op.out_channels if op.bias else 0)
            return (n, op.out_channels, out_h, out_w), params, n * out_h * out_w * weights, op.role
        case Norm():
            return shape, 2 * op.channels, 0, "batch_norm"
        case Act():
            return shape, 0, 0, op.function
        case Pool(size=None):
            return (n, c, 1, 1), 0, 0, "mean_pool"
        case Pool():
            return (n, c, -(-h // 2), -(-w // 2)), 0, 0, "max_pool"
        case Linear():
            params = (op.in_features + 1) * op.out_features
            return (n, op.out_features, 1, 1), params, n * op.in_features * op.out_features, "linear"


def _conv_size(op: Conv, size: int, field: str) -> int:
    reach = op.dilation * (op.kernel_size - 1) + 1
    if size + 2 * op.padding < reach:
        raise ValueError(
            f"{field}={size} at layer {op.name!r}: with padding {op.padding} on each side it is smaller than the "
            f"{reach} pixels that kernel_size={op.kernel_size} with dilation={op.dilation} spans"
        )
    return (size + 2 * op.padding - reach) // op.stride + 1
