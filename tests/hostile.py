"""What a stranger may put in a link, and settings of the comparison, for the tests that share them."""

import random
import string
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs, quote, urlencode

from hypothesis import strategies as st
from strategies import CHANNELS, divisors

from xception_lab.spec import ACTIVATIONS, BATCH_NORMS, BIASES, CompareSpec
from xception_lab.ui.fields.registry import FIELDS

Query = tuple[tuple[str, str], ...]

HOSTILE_VALUES = (
    "",
    " ",
    "0",
    "-0",
    "-1",
    "1.5",
    "3.0",
    " 3 ",
    "+3",
    "1e3",
    "1e309",
    "-1e309",
    "nan",
    "inf",
    "-inf",
    "NaN",
    "Infinity",
    "1_0",
    "0x10",
    "007",
    "٣",
    "²",
    "½",
    "Ⅳ",
    "三",
    "9" * 400,
    "9" * 5000,
    "1" + "0" * 308,
    "0." + "0" * 400 + "1",
    "true",
    "TRUE",
    "True",
    "False",
    "None",
    "null",
    "undefined",
    "NaN64",
    "[]",
    "{}",
    "[64]",
    "64,128",
    "64;128",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "' OR 1=1 --",
    "'; DROP TABLE runs; --",
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "file:///etc/passwd",
    "/dev/zero",
    "%00",
    "%2e%2e%2f",
    "%",
    "%zz",
    "%%",
    "\0",
    "64\0",
    "\r\nSet-Cookie: a=b",
    "\x1b[31m",
    "\x7f",
    "`rm -rf /`",
    "``",
    "a`b",
    "$(id)",
    "${7*7}",
    "{{7*7}}",
    "{0.__class__}",
    "{key}",
    "%s%s%n",
    "__proto__",
    "constructor",
    "__import__('os')",
    "🙂",
    "👩‍👩‍👧",
    "é" * 100,
    "\u202e46",
    "\u200b64",
    "\ufeff64",
    "مرحبا",
    "שלום",
    "\ud7ff",
    "\ud800",
    "a\udfffb",
    "\ud83d",
    "\U0010ffff",
    "a" * 10_000,
    "$x^2$",
    ":red[x]",
    "**b**",
    "![x](y)",
    "max",
    "MAX",
    "Max",
    "paper",
    "Same",
    "VALID",
    "macs",
    "FLOPS",
    "-3",
    "2.5",
    "4.5",
    "1e1",
    "1e-400",
    "64.",
    ".5",
    "6 4",
)

HOSTILE_KEYS = (
    "__proto__",
    "constructor",
    "",
    "lang",
    "LANG",
    "In_Channels",
    "in_channels ",
    "_page",
    "_values",
    "_repairs",
    "_drag",
    "follow",
    "address",
    "blocks",
    "show_blocks",
    "embed",
    "count",
    "preset_middle",
    "<b>",
    "a" * 2000,
    "🙂",
    "\0",
)

# (embed is Streamlit's own; _page and its like are the keys that the app keeps its session under)


def queries(count: int, keys: Iterable[str] = FIELDS, seed: int = 20170407) -> list[Query]:
    """`count` hostile queries: each value on a control in turn, then random mixtures; the same ones on every run.

    keys: the parameters of the page, which are named more often than others.
    """
    dice = random.Random(seed)
    own = (*keys, "lang")
    made: list[Query] = [((key, "3"), (key, dice.choice(HOSTILE_VALUES))) for key in own]
    made += [((dice.choice(own), value),) for value in HOSTILE_VALUES]
    made += [((key, dice.choice(HOSTILE_VALUES)),) for key in HOSTILE_KEYS]
    dice.shuffle(made)
    made = made[: count // 2]
    while len(made) < count:
        made.append(tuple(_pair(dice, own) for _ in range(dice.randint(1, 24))))
    return made[:count]


def encoded(query: Query) -> str:
    """The query as a browser would put it in the address; an unpaired surrogate as %ED%A0%80 and the like."""
    return urlencode(query, quote_via=quote, errors="surrogatepass")


def parameters(query: Query) -> dict[str, list[str]]:
    """The query as AppTest takes it: the values by their key."""
    return parse_qs(encoded(query), keep_blank_values=True)


def last_of_each(query: Query) -> dict[str, str]:
    """What Streamlit gives to the page: of a key that is named twice, the last value."""
    return {key: values[-1] for key, values in parameters(query).items()}


def _pair(dice: random.Random, keys: tuple[str, ...]) -> tuple[str, str]:
    key = dice.choice(keys) if dice.random() < 0.9 else dice.choice(HOSTILE_KEYS)
    makers: tuple[Callable[[], str], ...] = (
        lambda: dice.choice(HOSTILE_VALUES),
        lambda: dice.choice(FIELDS[key].texts) if key in FIELDS else "ko",
        lambda: str(dice.randint(-10, 3000)),
        lambda: str(dice.uniform(-10, 3000)),
        lambda: "".join(dice.choices(string.printable, k=dice.randint(1, 30))),
        lambda: "".join(chr(dice.choice((dice.randint(0, 0x2FF), dice.randint(0xD800, 0x1FFFF)))) for _ in range(8)),
    )
    return key, dice.choice(makers)()


@st.composite
def compare_specs(draw: st.DrawFn) -> CompareSpec:
    """Every field in play; now and then a kernel that does not fit its picture."""
    padding = draw(st.sampled_from(["same", "valid"]) | st.integers(0, 3))
    out_channels = draw(CHANNELS | st.sampled_from([12, 16, 30]))
    return CompareSpec(
        in_channels=draw(CHANNELS),
        out_channels=out_channels,
        kernel_size=draw(st.sampled_from([1, 3, 5] if padding == "same" else [1, 2, 3, 4, 5])),
        size=draw(st.integers(4, 20)),
        segments=draw(st.none() | st.sampled_from(divisors(out_channels))),
        stride=draw(st.integers(1, 3)),
        padding=padding,
        dilation=draw(st.integers(1, 3)),
        batch_size=draw(st.integers(1, 3)),
        depth_multiplier=draw(st.integers(1, 3)),
        bias=draw(st.sampled_from(BIASES)),
        batch_norm=draw(st.sampled_from(BATCH_NORMS)),
        intermediate=draw(st.none() | st.sampled_from(ACTIVATIONS)),
    )


def fits(spec: CompareSpec) -> bool:
    """Whether the kernel fits the padded picture."""
    pixels = {"same": spec.dilation * (spec.kernel_size - 1) // 2, "valid": 0}.get(str(spec.padding), spec.padding)
    return spec.dilation * (spec.kernel_size - 1) < spec.size + 2 * int(pixels)
