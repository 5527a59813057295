"""The start page: the paper's question, the three blocks in one live picture, the doors to the labs."""

import streamlit as st

from xception_lab.arch.comparison import compare, ratio, spectrum, two_differences
from xception_lab.common.citations import source
from xception_lab.ui.compare.blocks import comparison_headline, show_blocks, specs_ahead
from xception_lab.ui.compare.presets import PRESETS, preset_spec
from xception_lab.ui.fields.compare import KERNEL_SIZE, OUT_CHANNELS, SEGMENTS, StartState
from xception_lab.ui.shell.controls import main_controls
from xception_lab.ui.shell.frame import finish, frame
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import ratio_text
from xception_lab.ui.start.doors import door, information_result, network_result, relu_result, timing_result

MAIN = (OUT_CHANNELS, KERNEL_SIZE, SEGMENTS)

state = frame("start", StartState)
st.title(_("Must a convolution look at space and channels at the same time?"), anchor=False)
st.markdown(
    _(
        "The *Xception* paper ({paper}) says no: first look across space, [one channel at a time](#term-depthwise), "
        "then [mix the channels](#term-pointwise). **Move a slider** and see what that saves."
    ).format(paper=source("xception").markdown)
)
spec = state.spec
settings = st.container()
show_blocks(spec, compare(spec), "macs", "blocks", ahead=specs_ahead(state, MAIN))
with settings:
    main_controls(MAIN)

middle, order, default = (preset_spec(name) for name in ("middle", "order", "default"))
points = {point.segments: point.cost.macs for point in spectrum(default)}
steps = two_differences(order, "depthwise-first", "none")
first, second, third = st.columns(3)
with first:
    door(
        "compare",
        _("Compare"),
        _("Xception's own middle flow, 728→728 channels at 19×19 pixels:"),
        comparison_headline(compare(middle), "macs"),
        PRESETS["middle"],
    )
with second:
    door(
        "compare",
        _("The spectrum"),
        _("From a regular convolution over Inception to one convolution a channel."),
        _("64→128 channels, 4 segments against one a channel: **{times}** MACs.").format(
            times=ratio_text(ratio(points[4], points[default.out_channels]))
        ),
        PRESETS["default"] | {"segments": "4", "view": "spectrum"},
    )
with third:
    door(
        "compare",
        _("The two differences"),
        _("The order and the ReLU between: what the paper says, what it costs."),
        _("128→256 channels at stride 2, depthwise first: **{times}** MACs.").format(
            times=ratio_text(steps[-1].ratios["macs"])
        ),
        PRESETS["order"] | {"view": "differences"},
    )
fourth, fifth, sixth, seventh = st.columns(4)
with fourth:
    door(
        "timing",
        _("Time"),
        _("Fewer FLOPs are not the same factor in seconds: measured, beside what the roofline predicts."),
        timing_result(),
        {},
    )
with fifth:
    door(
        "features",
        _("Feature maps"),
        _("What each block does to a picture, map by map, and what the ReLU throws away."),
        information_result(),
        {"look": "information"},
    )
with sixth:
    door(
        "training",
        _("Train"),
        _("The paper's two claims as an experiment, with seeds and error bars."),
        relu_result(),
        {},
    )
with seventh:
    door("network", _("Network"), _("Xception itself, taken apart and changed."), network_result(), {})
finish(state)
