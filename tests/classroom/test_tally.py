"""Histograms: everybody is counted once, neighbours together, intervals by what they cover."""

from hypothesis import given
from hypothesis import strategies as st

from xception_lab.classroom.room import LOOKED
from xception_lab.classroom.tally import MAX_BINS, Bar, tally_intervals, tally_options

OPTIONS = tuple(str(number) for number in range(41))
ENDS = tuple(number / 2 for number in range(-8, 9))


@given(st.lists(st.sampled_from((*OPTIONS, LOOKED, "nan", "x"))), st.integers(1, 41))
def test_everybody_who_chose_an_option_is_counted_once(predictions: list[str], count: int) -> None:
    options = OPTIONS[:count]
    tally = tally_options(predictions, options)
    assert sum(bar.count for bar in tally.bars) == tally.answered == sum(text in options for text in predictions)
    assert tally.looked == predictions.count(LOOKED)
    assert len(tally.bars) <= MAX_BINS
    assert (tally.bars[0].first, tally.bars[-1].last) == (options[0], options[-1])
    assert tally.highest == max(bar.count for bar in tally.bars)


def test_neighbours_share_a_bin_only_where_they_must() -> None:
    assert tally_options(["b", "b", "c"], ("a", "b", "c")).bars == (
        Bar("a", "a", 0),
        Bar("b", "b", 2),
        Bar("c", "c", 1),
    )
    assert tally_options(["3", "4"], OPTIONS).bars[1:3] == (Bar("2", "3", 1), Bar("4", "5", 1))


def test_an_interval_covers_its_cells() -> None:
    tally = tally_intervals(["-1:0.5", "0:1", "0.5:0.5", "2:1", "x:1", "1", "0:9", "nan:1", LOOKED], ENDS)
    assert tally.intervals == ((-1.0, 0.5), (0.0, 1.0))
    assert {(bar.first, bar.last): bar.count for bar in tally.bars if bar.count} == {
        ("-1", "-0.5"): 1,
        ("-0.5", "0"): 1,
        ("0", "0.5"): 2,
        ("0.5", "1"): 1,
    }
    assert (tally.answered, tally.looked) == (2, 1)
