"""The chart of a trained network's mistakes: its confusion matrix."""

import plotly.graph_objects as go

from xception_lab.common.palette import BLOCK_COLOURS
from xception_lab.training.confusion import Confusion

# of the wrong counts, from none to the most; the page's own text colour is legible on all of them, in either theme
MOST_OPACITY = 0.6
_RED, _GREEN, _BLUE = bytes.fromhex(BLOCK_COLOURS["extreme"].light.removeprefix("#"))
_COLOUR_SCALE = [[share, f"rgba({_RED},{_GREEN},{_BLUE},{MOST_OPACITY * share:g})"] for share in (0, 1)]


def confusion_figure(confusion: Confusion, names: tuple[str, ...], words: tuple[str, str, str]) -> go.Figure:
    """The confusion matrix: every count as text, the wrong ones as colour.

    names: of the classes. words: for the predicted class, the true class and the pictures.
    """
    predicted, true, pictures = words
    rows = list(enumerate(confusion.counts))
    wrong = [[None if row == column else count for column, count in enumerate(counts)] for row, counts in rows]
    text = [[f"{count:,}" if count else "" for count in counts] for _, counts in rows]
    heat = {
        "type": "heatmap",
        "z": wrong,
        "x": names,
        "y": names,
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
        "zmin": 0,
        "zmax": max(1, *(count or 0 for counts in wrong for count in counts)),
        "customdata": confusion.counts,
        "colorscale": _COLOUR_SCALE,
        "hoverongaps": False,
        "hovertemplate": f"%{{y}} → %{{x}}: %{{customdata:,}} {pictures}<extra></extra>",
    }
    # in the page's colour: plotly would choose one for the cell's colour as on white, whatever lies under it
    numbers = {
        "type": "scatter",
        "mode": "text",
        "x": [name for _ in names for name in names],
        "y": [name for name in names for _ in names],
        "text": [count for row in text for count in row],
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return go.Figure(
        [heat, numbers],
        {
            "height": 460,
            "xaxis": {"title": {"text": predicted}, "side": "bottom", "tickangle": -40, "showgrid": False},
            "yaxis": {"title": {"text": true}, "autorange": "reversed", "showgrid": False},
            "margin": {"t": 30, "r": 10},
        },
    )
