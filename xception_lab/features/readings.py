"""What a linear reader explains of a picture at the places of a block: for one picture, and over all shipped pictures.

No torch. The readings of the shipped pictures with the filters that the page offers are in assets/features, so that a
value never stands without the range that it is one of; tools/build_feature_maps.py computes them.
"""

from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Literal, NamedTuple

import numpy as np

from xception_lab.common.files import asset_path
from xception_lab.data.dataset import ImageArray
from xception_lab.features.filters import KERNELS, OUT_CHANNELS
from xception_lab.features.layer_names import TRAINED_ON
from xception_lab.features.maps import BlockMaps, BlockStep, Values
from xception_lab.features.recoverability import WINDOW, is_constant, recoverability
from xception_lab.features.sample_pictures import PICTURE_SIDE, SAMPLES, resize, sample_picture
from xception_lab.spec import KINDS, Activation, Kind

Target = Literal["input", "first"]
Order = Literal["extreme", "separable"]
Place = Literal["enters", "leaves", "second", "after"]

READS: tuple[BlockStep, ...] = ("second", "after")  # before and after the last activation
KERNEL_SIZE = 3  # of the spatial kernels that the stored readings are of
ORDERS: tuple[Order, ...] = ("extreme", "separable")
TARGETS: tuple[Target, ...] = ("input", "first")
WIDTHS = (3, 6, 12)  # channels at the ReLU between, and behind the second convolution: the same in both orders
WIDTH = OUT_CHANNELS  # of them, the one that is drawn place by place
BETWEENS: tuple[Activation, ...] = ("none", "relu")
# what enters the activation between, what leaves it, and behind the second convolution before and after the last ReLU
PLACES: tuple[Place, ...] = ("enters", "leaves", "second", "after")
DRAWS = 8  # of random filters at each width
TIE = 0.01  # of explained variance: two readings that differ by less are counted as equal

SIDE = 64  # pixels of the picture that goes through the blocks
MAX_FEATURES = 640  # of the reader, which a wide block exceeds
FILE = asset_path("features") / "readings.npz"

_serial = count()


def sample_of(name: str) -> ImageArray:
    """One of SAMPLES as the page puts it through the blocks, uint8 (SIDE, SIDE, 3)."""
    return resize(sample_picture(name, PICTURE_SIDE), SIDE)


def read_block(block: BlockMaps) -> Values:
    """Explained variance of a block's input before and after its last activation, float32 (2,) in the order of READS.

    nan where there is no reading: the sizes differ, the block is too wide, or the half that judges is constant.
    """
    steps = {maps.step: maps.values for maps in block.steps}
    before, readings = steps["input"], np.full(len(READS), np.nan, np.float32)
    if is_constant(before):
        return readings
    for index, step in enumerate(READS):
        after = steps[step]
        if after.shape[1:] == before.shape[1:] and len(after) * WINDOW**2 <= MAX_FEATURES:
            readings[index] = recoverability(before, after)
    return readings


class Comparison(NamedTuple):
    """In how many cases the first of two blocks explains less, the same (within TIE), and more than the second."""

    less: int
    same: int
    more: int

    @property
    def cases(self) -> int:
        """The number of all cases."""
        return sum(self)


def count_cases(differences: Values) -> Comparison:
    """Differences between two readings, of any shape, counted by their sign and TIE."""
    less, more = int((differences < -TIE).sum()), int((differences > TIE).sum())
    return Comparison(less, differences.size - less - more, more)


@dataclass(frozen=True, slots=True, eq=False)
class BlockRange:
    """Explained variance of three blocks' inputs, with several sets of filters on all shipped pictures.

    values: (KINDS, sets of filters, SAMPLES, READS); nan where there is no reading.
    serial: a number that no other has, as a key for caches.
    """

    values: Values
    serial: int = field(default_factory=_serial.__next__, init=False)

    def ends(self, kind: Kind, step: BlockStep, filters: int | None = None) -> tuple[float, float]:
        """The smallest and the largest value of a kind; filters: with this set of filters alone. nan without any."""
        values = self.values[KINDS.index(kind), :, :, READS.index(step)]
        chosen = values if filters is None else values[filters]
        chosen = chosen[np.isfinite(chosen)]
        return (float(chosen.min()), float(chosen.max())) if chosen.size else (np.nan, np.nan)

    def num_pictures(self) -> int:
        """How many pictures there is something to read of."""
        return sum(self._readable())

    def left_out(self) -> tuple[str, ...]:
        """The pictures whose half that judges is of one colour, so that there is nothing to read of them."""
        return tuple(name for name, has in zip(SAMPLES, self._readable(), strict=True) if not has)

    def _readable(self) -> list[bool]:
        return [bool(np.isfinite(self.values[:, :, place]).all()) for place in range(self.values.shape[2])]

    def compare(self, first: Kind, second: Kind, step: BlockStep) -> Comparison:
        """The two kinds at a step in every case, a case being one picture with one set of filters."""
        one, two = (self.values[KINDS.index(kind), :, :, READS.index(step)] for kind in (first, second))
        return count_cases((one - two)[np.isfinite(one - two)])


class Quartiles(NamedTuple):
    """The quartiles of a number over the draws of the filters."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class ReluReadings:
    """Explained variance along a block with random filters on one picture, draw by draw.

    kind: which convolution is first. width: channels at the activation between and behind the second convolution.
    values: (draws, BETWEENS, PLACES). With nothing between, and with a ReLU, a draw's filters are the same.
    """

    kind: Order
    width: int
    values: Values

    def quartiles(self, between: Activation) -> tuple[Quartiles, ...]:
        """Of each of PLACES, with nothing or a ReLU between."""
        ends = np.quantile(self.values[:, BETWEENS.index(between)], (0.25, 0.5, 0.75), axis=0)
        return tuple(Quartiles(*(float(end) for end in place)) for place in ends.T)

    def loss(self) -> Quartiles:
        """What the ReLU between takes of the explained variance: what enters less what leaves, paired by draw."""
        return Quartiles(*(float(end) for end in np.quantile(self.losses(), (0.25, 0.5, 0.75))))

    def losses(self) -> Values:
        """What the ReLU between takes in each draw, (draws,)."""
        enters, leaves = (self.values[:, BETWEENS.index("relu"), PLACES.index(place)] for place in ("enters", "leaves"))
        return enters - leaves


# What is stored


@dataclass(frozen=True, slots=True, eq=False)
class StoredReadings:
    """All that assets/features/readings.npz holds, float32 and rounded to four decimals; nan where there is none.

    hand: (KERNELS, MIXES, SAMPLES, HAND_ARMS, READS).
    trained: (TRAINED_ON, SAMPLES, TRAINED_ARMS, READS).
    relu: (TARGETS, WIDTHS, SAMPLES, ORDERS, DRAWS, BETWEENS, PLACES); behind the second convolution for WIDTH alone.

    All are of kernels of KERNEL_SIZE.
    """

    hand: Values
    trained: Values
    relu: Values


class Arm(NamedTuple):
    """A block of a stored reading: its kind, and what stands between its convolutions."""

    kind: Kind
    between: Activation


# with nothing between, the kinds compute the same with filters by hand: the standard convolution stands for them
HAND_ARMS = (Arm("standard", "none"), *(Arm(kind, between) for kind in ORDERS for between in ("relu", "elu")))
TRAINED_ARMS = (Arm("standard", "none"), Arm("extreme", "relu"), Arm("separable", "none"), Arm("separable", "relu"))


@cache
def load_readings() -> StoredReadings:
    """The shipped readings."""
    with np.load(FILE, allow_pickle=False) as file:
        return StoredReadings(**{name: file[name] for name in StoredReadings.__slots__})


@cache
def hand_range(kernel: str, intermediate: Activation | None) -> BlockRange:
    """The three blocks with one of KERNELS by hand, the sets of filters being MIXES. intermediate: as in BlockSpec."""
    values = load_readings().hand[KERNELS.index(kernel)]
    arms = [HAND_ARMS.index(hand_arm(kind, intermediate)) for kind in KINDS]
    return BlockRange(np.moveaxis(values[:, :, arms], 2, 0))


def hand_arm(kind: Kind, intermediate: Activation | None) -> Arm:
    """The arm that a block with filters by hand is, or computes the same as. intermediate: as in BlockSpec."""
    between = "none" if kind == "standard" else intermediate or ("relu" if kind == "extreme" else "none")
    return Arm("standard", "none") if between == "none" else Arm(kind, between)


@cache
def trained_range(dataset: str, between: Activation) -> BlockRange:
    """The first blocks of the shipped networks, as image_models.trained_maps has them."""
    values = load_readings().trained[TRAINED_ON.index(dataset)]
    arms = [TRAINED_ARMS.index(Arm(kind, b)) for kind, b in zip(KINDS, ("none", "relu", between), strict=True)]
    return BlockRange(np.moveaxis(values[:, arms], 1, 0)[:, None])


def stored_relu_readings(picture: str, width: int, target: Target) -> tuple[ReluReadings, ...]:
    """The readings of one of SAMPLES, in the order of ORDERS; empty where there is nothing to read of it."""
    values = load_readings().relu[TARGETS.index(target), WIDTHS.index(width), SAMPLES.index(picture)]
    if np.isnan(values).all():
        return ()
    return tuple(ReluReadings(kind, width, values[index]) for index, kind in enumerate(ORDERS))


@dataclass(frozen=True, slots=True, eq=False)
class ReluRange:
    """The medians over the draws on every shipped picture that there is something to read of, at one width.

    medians: (pictures, ORDERS, BETWEENS, PLACES). losses: (pictures, ORDERS), what the ReLU between takes.
    """

    medians: Values
    losses: Values

    def ends(self, kind: Order, between: Activation) -> list[tuple[float, float]]:
        """The smallest and the largest median over the pictures at each of PLACES."""
        medians = self.medians[:, ORDERS.index(kind), BETWEENS.index(between)]
        return [(float(low), float(high)) for low, high in zip(medians.min(axis=0), medians.max(axis=0), strict=True)]

    def loss_ends(self, kind: Order) -> tuple[float, float]:
        """The smallest and the largest loss over the pictures."""
        losses = self.losses[:, ORDERS.index(kind)]
        return float(losses.min()), float(losses.max())

    def compare(self) -> Comparison:
        """On how many pictures the ReLU takes less, the same, and more with the 1x1 first than depthwise first."""
        return count_cases(self.losses[:, ORDERS.index("extreme")] - self.losses[:, ORDERS.index("separable")])


@cache
def relu_range(width: int, target: Target) -> ReluRange:
    """The shipped pictures at one of WIDTHS."""
    pictures = [stored_relu_readings(name, width, target) for name in SAMPLES]
    pictures = [orders for orders in pictures if orders]
    medians = [[np.median(reading.values, axis=0) for reading in orders] for orders in pictures]
    losses = [[reading.loss().median for reading in orders] for orders in pictures]
    return ReluRange(np.array(medians), np.array(losses))
