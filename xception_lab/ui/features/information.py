"""What a ReLU between two convolutions takes from a linear reader, at the ReLU itself and along the block."""

from collections.abc import Mapping, Sequence

import streamlit as st

from xception_lab.features.readings import (
    BETWEENS,
    DRAWS,
    KERNEL_SIZE,
    ORDERS,
    PLACES,
    SIDE,
    TIE,
    WIDTH,
    WIDTHS,
    Order,
    Quartiles,
    ReluRange,
    ReluReadings,
    relu_range,
    stored_relu_readings,
)
from xception_lab.features.recoverability import WINDOW, is_constant
from xception_lab.features.sample_pictures import SAMPLES, resize
from xception_lab.figures.features import PlaceLine, information_figure
from xception_lab.ui.features.caches import HASH_FUNCS
from xception_lab.ui.features.picture import InputPicture
from xception_lab.ui.features.readings import (
    format_loss,
    format_losses,
    format_share,
    luminance_baseline_of,
    nothing_to_recover_text,
)
from xception_lab.ui.fields.features import FeaturesState, Target
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.language import paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.training.experiment import load_result, stored_effects
from xception_lab.ui.training.texts import points_text


def show_information(state: FeaturesState, picture: InputPicture) -> None:
    """A computed headline over all pictures and widths, this picture's sentence and chart, and the table of losses."""
    ranges = {width: relu_range(width, state.target) for width in WIDTHS}
    st.markdown(_headline(ranges))
    if state.kernel_size != KERNEL_SIZE:
        other = _(
            "The kernels elsewhere on this page are {size}×{size}; here all readings, those of the range over all "
            "pictures too, are of random {kernel}×{kernel} kernels, whatever is chosen there."
        )
        st.info(other.format(size=state.kernel_size, kernel=KERNEL_SIZE), icon=":material/straighten:")
    if is_constant(resize(picture.pixels, SIDE).transpose(2, 0, 1)):
        st.info(nothing_to_recover_text())
        st.markdown(_losses_table(ranges, {}))
        st.markdown(_counts(ranges))
        return
    readings = {width: _load_readings(state, picture, width) for width in WIDTHS}
    st.markdown(_picture_sentence(readings[WIDTH], ranges[WIDTH]))
    lines = [
        PlaceLine(_line_name(reading.kind, between), reading.kind, between, reading.quartiles(between), ends)
        for reading in readings[WIDTH]
        for between in BETWEENS
        for ends in (ranges[WIDTH].ends(reading.kind, between),)
    ]
    # luminance is a baseline for the picture, not for what a convolution made of it
    luminance = luminance_baseline_of(picture) if state.target == "input" else None
    words = {
        "explained": _("variance explained (held-out R²)"),
        "luminance": _("luminance alone: {share}").format(share=format_share(luminance)) if luminance else "",
        "pictures": _("all {count} pictures").format(count=len(ranges[WIDTH].losses)),
        **dict(zip(PLACES, _place_names(), strict=True)),
    }
    alt = "; ".join(
        f"{line.name}: {', '.join(format_share(quartiles.median) for quartiles in line.quartiles)}" for line in lines
    )
    show_chart(information_figure(lines, luminance, words), "information", alt)
    st.markdown(_losses_table(ranges, readings))
    st.markdown(_counts(ranges))


def information_text() -> str:
    """How the readings are made, and what they do and do not test."""
    recipe = {"window": str(WINDOW), "draws": str(DRAWS), "kernel": str(KERNEL_SIZE)}
    return paragraph("information", **recipe, **_trained_differences())


def _trained_differences() -> dict[str, str]:
    """What the ReLU changes in the stored training runs, in points of accuracy, by the order of the convolutions."""
    result = load_result("two-differences")
    assert result, "shipped"
    effects = stored_effects(result.progress)
    return {
        dict(effect.where)["order"].replace("-", "_"): points_text(effect, effect.points)
        for effect in (*effects.primary, *effects.exploratory)
        if effect.kind == "simple" and effect.change == (("intermediate", "relu"),)
    }


def _place_names() -> tuple[str, ...]:
    return (
        _("enters<br>the ReLU<br>between"),
        _("leaves it"),
        _("behind the<br>second<br>convolution"),
        _("behind<br>the last<br>ReLU"),
    )


def _order_name(kind: Order) -> str:
    return _("1×1 first") if kind == "extreme" else _("depthwise first")


def _line_name(kind: Order, between: str) -> str:
    name = _("nothing between") if between == "none" else _("ReLU between")
    return f"{_order_name(kind)}, {name}"


def _load_readings(state: FeaturesState, picture: InputPicture, width: int) -> tuple[ReluReadings, ...]:
    """The readings of the picture: the shipped ones, or computed for a picture of the person's own at one width."""
    if picture.key in SAMPLES:
        return stored_relu_readings(picture.key, width, state.target)
    return _compute_readings(picture, state.target) if width == WIDTH else ()


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=HASH_FUNCS)
def _compute_readings(picture: InputPicture, target: Target) -> tuple[ReluReadings, ...]:
    from xception_lab.features.block_readings import relu_readings

    pixels = resize(picture.pixels, SIDE)
    return tuple(relu_readings(pixels, kind, WIDTH, target) for kind in ORDERS)


def _headline(ranges: Mapping[int, ReluRange]) -> str:
    """Which order loses more at the ReLU, over all shipped pictures and all widths."""
    comparisons = {width: ranges[width].compare() for width in WIDTHS}
    less = sum(comparison.less for comparison in comparisons.values())
    more = sum(comparison.more for comparison in comparisons.values())
    if less and more:
        verdict = _("Which order loses more at the ReLU is no fixed answer: both occur over these pictures and widths.")
    elif less:
        verdict = _(
            "At a ReLU between, the depthwise convolution first loses more than the 1×1 first, or the same. "
            "(The paper's separable block has no ReLU there.)"
        )
    elif more:
        verdict = _(
            "At a ReLU between, the 1×1 first loses more than the depthwise convolution first, or the same. "
            "(The paper's separable block has no ReLU there.)"
        )
    else:
        verdict = _("At the ReLU itself, both orders lose the same.")
    return f"**{verdict}**"


def _counts(ranges: Mapping[int, ReluRange]) -> str:
    """In how many pictures which order loses more, by width."""
    comparisons = {width: ranges[width].compare() for width in WIDTHS}
    counts = _("at {width} channels depthwise first loses more in {less}, the same in {same}, less in {more}")
    found = "; ".join(
        counts.format(width=width, less=c.less, same=c.same, more=c.more) for width, c in comparisons.items()
    )
    number = len(ranges[WIDTH].losses)
    sentence = _("Of {count} pictures, the same being within {tie} percentage point: {found}.")
    return sentence.format(count=number, tie=f"{100 * TIE:g}", found=found)


def _picture_sentence(readings: Sequence[ReluReadings], pictures: ReluRange) -> str:
    """What the ReLU takes on this picture in both orders, beside the range over the shipped pictures."""
    first, second = (
        _("**{loss}** with {order} (over all pictures {ends})").format(
            loss=format_loss(reading.loss().median),
            order=_order_name(reading.kind),
            ends=format_losses(*pictures.loss_ends(reading.kind)),
        )
        for reading in readings
    )
    sentence = _(
        "This picture, {width} channels: of the variance the ReLU takes {first} and {second}. What falls further along "
        "the lines is not lost at this ReLU."
    )
    return sentence.format(width=WIDTH, first=first, second=second)


def _losses_table(ranges: Mapping[int, ReluRange], readings: Mapping[int, Sequence[ReluReadings]]) -> str:
    """What the ReLU takes by width and order, on this picture and over the shipped ones, as Markdown."""
    heads = [_("channels at the ReLU")]
    for kind in ORDERS:
        heads += [f"{_order_name(kind)}: {name}" for name in (_("this picture"), _("range of the pictures' medians"))]
    rows: list[list[str]] = []
    for width in WIDTHS:
        row, of_picture = [str(width)], {reading.kind: reading.loss() for reading in readings.get(width, ())}
        for kind in ORDERS:
            row += [_loss_text(of_picture.get(kind)), format_losses(*ranges[width].loss_ends(kind))]
        rows.append(row)
    lines = [heads, ["---:"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _loss_text(loss: Quartiles | None) -> str:
    return "–" if loss is None else f"{format_loss(loss.median)} ({format_losses(loss.low, loss.high)})"
