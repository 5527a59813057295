"""Hypothesis strategies for specs and picture sizes, and the settings every property shares."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from xception_lab.spec import ACTIVATIONS, BATCH_NORMS, BIASES, KINDS, ORDERS, BlockSpec, XceptionSpec

CHANNELS = st.integers(1, 6)


def examples(count: int) -> settings:
    """The same examples on every run: CI neither flakes nor times out a slow machine."""
    return settings(max_examples=count, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def sizes(least: int = 1, most: int = 12) -> st.SearchStrategy[tuple[int, int, int]]:
    """(batch_size, height, width): odd, even and non-square pictures."""
    return st.tuples(st.integers(1, 3), st.integers(least, most), st.integers(least, most))


def divisors(number: int) -> list[int]:
    """Every divisor of number, from 1 up."""
    return [d for d in range(1, number + 1) if number % d == 0]


@st.composite
def block_specs(draw: st.DrawFn) -> BlockSpec:
    """Every kind with every field in play; padding "same" comes with an odd kernel only."""
    kind = draw(st.sampled_from(KINDS))
    padding = draw(st.sampled_from(["same", "valid"]) | st.integers(0, 4))
    kernels = [1, 3, 5] if padding == "same" else [1, 2, 3, 4, 5]
    out_channels = draw(CHANNELS)
    between = st.none() | st.sampled_from(ACTIVATIONS)
    return BlockSpec(
        kind,
        in_channels=draw(CHANNELS),
        out_channels=out_channels,
        kernel_size=draw(st.sampled_from(kernels)),
        stride=draw(st.integers(1, 3)),
        padding=padding,
        dilation=draw(st.integers(1, 3)),
        segments=draw(st.none() | st.sampled_from(divisors(out_channels))) if kind == "extreme" else None,
        depth_multiplier=draw(st.integers(1, 3)) if kind == "separable" else 1,
        bias=draw(st.sampled_from(BIASES)),
        batch_norm=draw(st.sampled_from(BATCH_NORMS)),
        intermediate=None if kind == "standard" else draw(between),
        activation=draw(st.sampled_from(ACTIVATIONS)),
    )


@st.composite
def xception_specs(draw: st.DrawFn) -> XceptionSpec:
    """Small networks of every shape the spec allows; widths divide by 4 so that any segments fit."""
    fours = st.sampled_from([4, 8, 12])
    entry = tuple(draw(st.lists(fours, min_size=1, max_size=3)))
    # a regular convolution has no two halves
    standard = draw(st.integers(0, 3)) == 3
    intermediate = "none" if standard else draw(st.sampled_from(ACTIVATIONS))
    segments = None if standard else draw(st.sampled_from([None, 1, 2, 4]))
    return XceptionSpec(
        in_channels=draw(st.integers(1, 4)),
        num_classes=draw(st.integers(1, 7)),
        stem_channels=(draw(CHANNELS), draw(fours)),
        entry_channels=entry,
        middle_blocks=draw(st.integers(0, 2)),
        middle_channels=entry[-1],
        exit_channels=(draw(fours), draw(fours), draw(fours)),
        small_stem=draw(st.booleans()),
        order=ORDERS[0] if standard else draw(st.sampled_from(ORDERS)),
        intermediate=intermediate,
        residual=draw(st.booleans()),
        segments=segments,
        dropout=draw(st.sampled_from([0.0, 0.5])),
        batch_norm_eps=draw(st.sampled_from([1e-3, 1e-5])),
        same_pooling=draw(st.booleans()),
        convolution="standard" if standard else "separable",
        batch_norm="last" if standard else draw(st.sampled_from(["last", "every"])),
        negative_slope=draw(st.sampled_from([0.0, 0.2, 1.0])) if intermediate == "relu" else 0.0,
        segment_depth=None if standard or segments else draw(st.sampled_from([None, 1, 2, 4])),
    )


def least_size(spec: XceptionSpec) -> int:
    """The smallest side the stem accepts: two unpadded 3x3 convolutions, the first of stride 2, need 7 pixels."""
    return 1 if spec.small_stem else 7
