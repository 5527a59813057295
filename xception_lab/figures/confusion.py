"""The chart of a trained network's mistakes: its confusion matrix."""

import plotly.graph_objects as go

from xception_lab.common.palette import BLOCK_COLOURS
from xception_lab.training.confusion import Confusion

# of the wrong counts, from few to the most: opaque, so that one colour of the text is legible in either theme
MISTAKE_COLOURS = ("#6f7378", BLOCK_COLOURS["extreme"].light)
MISTAKE_TEXT = "#ffffff"


def confusion_figure(confusion: Confusion, names: tuple[str, ...], words: tuple[str, str, str]) -> go.Figure:
    """The confusion matrix: every count as text, the wrong ones as colour.

    names: of the classes. words: for the predicted class, the true class and the pictures.
    """
    predicted, true, pictures = words
    rows = list(enumerate(confusion.counts))
    wrong = [[None if row == column else count or None for column, count in enumerate(counts)] for row, counts in rows]
    heat = {
        "type": "heatmap",
        "z": wrong,
        "x": names,
        "y": names,
        "text": [[f"{count:,}" if count else "" for count in counts] for counts in wrong],
        "texttemplate": "%{text}",
        "textfont": {"color": MISTAKE_TEXT},
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
        "zmin": 0,
        "zmax": max(1, *(count or 0 for counts in wrong for count in counts)),
        "customdata": confusion.counts,
        "colorscale": [[0, MISTAKE_COLOURS[0]], [1, MISTAKE_COLOURS[1]]],
        "hoverongaps": False,
        "hovertemplate": f"%{{y}} → %{{x}}: %{{customdata:,}} {pictures}<extra></extra>",
    }
    # on the page's own ground and in its colour
    right = {
        "type": "scatter",
        "mode": "text",
        "x": names,
        "y": names,
        "text": [f"{counts[row]:,}" if counts[row] else "" for row, counts in rows],
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return go.Figure(
        [heat, right],
        {
            "height": 460,
            "xaxis": {"title": {"text": predicted}, "side": "bottom", "tickangle": -40, "showgrid": False},
            "yaxis": {"title": {"text": true}, "autorange": "reversed", "showgrid": False},
            "margin": {"t": 30, "r": 10},
        },
    )
