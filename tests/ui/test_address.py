"""A link from a stranger: valid values, a note for each repair and no other, nothing foreign that formats or hides."""

import pytest
from hostile import HOSTILE_VALUES, Query, encoded, queries
from hypothesis import given
from hypothesis import strategies as st
from states import COMPARE_KEYS
from strategies import examples

from xception_lab.ui.fields.field import VIEW_BELOW, state_keys
from xception_lab.ui.fields.network import CHOSEN_STAGE, NetworkState
from xception_lab.ui.fields.registry import FIELDS, fit_texts, options_of
from xception_lab.ui.shell.address import linked_part, quote_value, read_parameters

ALL = COMPARE_KEYS
START = ("out_channels", "kernel_size", "segments")


def _check(given_: dict[str, str], keys: tuple[str, ...]) -> None:
    values, repairs = read_parameters(given_, keys)
    assert tuple(values) == tuple(key for key in FIELDS if key in keys)
    for key, value in values.items():
        assert value in options_of(key, values)
    noted = {repair.key: (repair.text, repair.replacement) for repair in repairs}
    assert len(noted) == len(repairs)
    # what was not asked for is at its default, what was asked for is used, or noted
    for key in keys:
        if key not in given_:
            assert values[key] == FIELDS[key].default
            assert key not in noted
        elif given_[key] == values[key]:
            assert key not in noted
        else:
            assert noted[key] == (given_[key], values[key])
    again, none = read_parameters(values, keys)
    assert (again, none) == (values, ()), "a repaired link needs no repair"


@pytest.mark.parametrize("keys", [ALL, START], ids=["compare", "start"])
def test_hostile_links_are_repaired(keys: tuple[str, ...]) -> None:
    for query in queries(1500, keys=ALL):
        _check(dict(query), keys)


def test_the_hostile_links_are_many_and_the_same_on_every_run() -> None:
    made = queries(600)
    assert made == queries(600)
    assert len(set(made)) > 550
    pairs = [pair for query in made for pair in query]
    assert {value for _, value in pairs} >= set(HOSTILE_VALUES)
    assert {key for key, _ in pairs} >= set(ALL)
    assert any(len({key for key, _ in query}) < len(query) for query in made), "some name a key twice"
    assert all(encoded(query).isascii() for query in made)


@examples(500)
@given(
    given_=st.dictionaries(st.sampled_from(ALL) | st.text(max_size=8), st.text(max_size=12) | st.integers().map(str)),
    keys=st.sampled_from([ALL, START]),
)
def test_any_text_is_repaired(given_: dict[str, str], keys: tuple[str, ...]) -> None:
    _check(given_, keys)


@examples(300)
@given(st.data())
def test_a_valid_link_is_taken_as_it_is(data: st.DataObject) -> None:
    link: dict[str, str] = {}
    for key in ALL:
        if data.draw(st.booleans()):
            link[key] = data.draw(st.sampled_from(options_of(key, fit_texts(link))))
    values, repairs = read_parameters(link, ALL)
    assert repairs == ()
    assert values == {key: field.default for key, field in FIELDS.items() if key in ALL} | link


@pytest.mark.parametrize(
    ("link", "part"),
    [
        ({}, ""),
        ({"network_view": "architecture"}, ""),
        ({"network_view": "what_if"}, VIEW_BELOW),
        ({"stage": "exit"}, CHOSEN_STAGE),
        ({"stage": "exit", "network_view": "what_if"}, VIEW_BELOW),
        ({"network_view": "nonsense", "middle_blocks": "0"}, ""),
    ],
)
def test_the_part_that_a_link_selects(link: dict[str, str], part: str) -> None:
    texts, _repairs = read_parameters(link, state_keys(NetworkState))
    assert linked_part(link, texts) == part
    assert linked_part({}, texts) == "", "what the session had, no link asked for"


@examples(1000)
@given(value=st.text() | st.sampled_from(HOSTILE_VALUES))
def test_a_foreign_value_neither_formats_nor_hides(value: str) -> None:
    shown = quote_value(value)
    assert "`" not in shown
    assert all(c.isprintable() for c in shown)
    assert len(shown) <= 41
    kept = [c for c in value if c.isprintable() and c != "`"]
    assert shown.rstrip("…").startswith("".join(kept[:40]).rstrip("…"))
    if len(kept) == len(value) <= 40:
        assert shown == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [("65", "65"), ("a`b", "ab"), ("\x1b[31m", "[31m"), ("\u202e46", "46"), ("\0", ""), ("x" * 41, "x" * 40 + "…")],
)
def test_quoting_by_hand(value: str, shown: str) -> None:
    assert quote_value(value) == shown


def test_the_generator_repeats_keys() -> None:
    query: Query = (("stride", "3"), ("stride", "<b>"))
    assert encoded(query) == "stride=3&stride=%3Cb%3E"
