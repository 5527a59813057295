"""The predictions of the story: one a step, each from a fixed set of answers."""

from dataclasses import dataclass
from itertools import combinations

from xception_lab.ui.fields.field import Field, Option
from xception_lab.ui.fields.training import ASK, SHOW

NUM_STEPS = 10
END = "end"  # the page after the last step
STEPS = (*(str(number) for number in range(1, NUM_STEPS + 1)), END)

Guess = float | str | tuple[float, float]

# ten steps a decade, each about a quarter more than the one before: Renard's preferred numbers
_RENARD = (1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8)
_POINTS = tuple(number / 2 for number in range(-8, 9))  # of accuracy, for the ends of an interval


def scale(decades: range) -> tuple[str, ...]:
    """The numbers of a logarithmic scale over these powers of ten, the last of them alone."""
    numbers = [f"{value * 10.0**power:.4g}" for power in decades[:-1] for value in _RENARD]
    return (*numbers, f"{10.0 ** decades[-1]:g}")


TIMES = scale(range(3))  # 1 to 100
COUNT = scale(range(5))  # 1 to 10,000
PERCENT = scale(range(-1, 3))  # 0.1 to 100
VERDICTS = ("same", "almost", "different")
INTERVALS = tuple(f"{low:g}:{high:g}" for low, high in combinations(_POINTS, 2))


def _numbers(texts: tuple[str, ...]) -> tuple[Option[Guess], ...]:
    return tuple(Option[Guess](text, float(text)) for text in texts)


def _interval(text: str) -> tuple[float, float]:
    low, high = map(float, text.split(":"))
    return low, high


def _field(key: str, options: tuple[Option[Guess], ...]) -> Field[Guess]:
    # kept: a link that Back opens may be older than a prediction
    return Field(key, (Option[Guess](ASK, ASK), *options, Option[Guess](SHOW, SHOW)), ASK, is_kept=True)


P1 = _field("p1", _numbers(COUNT))
P2 = _field("p2", _numbers(TIMES))
P3 = _field("p3", _numbers(TIMES))
P4 = _field("p4", tuple(Option[Guess](text, text) for text in VERDICTS))
P5 = _field("p5", _numbers(TIMES))
P6 = _field("p6", _numbers(TIMES))
P7 = _field("p7", _numbers(PERCENT))
P8 = _field("p8", tuple(Option[Guess](text, _interval(text)) for text in INTERVALS))
P9 = _field("p9", _numbers(TIMES))
P10 = _field("p10", _numbers(PERCENT))
PREDICTIONS = (P1, P2, P3, P4, P5, P6, P7, P8, P9, P10)


@dataclass(frozen=True, slots=True)
class StoryState:
    """The predictions; ASK before there is one, SHOW where the answer was wanted without one."""

    p1: Guess = P1.attribute()
    p2: Guess = P2.attribute()
    p3: Guess = P3.attribute()
    p4: Guess = P4.attribute()
    p5: Guess = P5.attribute()
    p6: Guess = P6.attribute()
    p7: Guess = P7.attribute()
    p8: Guess = P8.attribute()
    p9: Guess = P9.attribute()
    p10: Guess = P10.attribute()

    def guess(self, step: str) -> Guess:
        """The prediction of a step that is not END."""
        return getattr(self, f"p{step}")
