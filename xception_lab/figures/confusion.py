"""The chart of a network's mistakes."""

import plotly.graph_objects as go

from xception_lab.training.confusion import Confusion


def confusion_figure(found: Confusion, names: tuple[str, ...], words: tuple[str, str, str]) -> go.Figure:
    """The confusion matrix: every count as text, the wrong ones as colour. words: given class, own class, pictures."""
    given, own, pictures = words
    rows = list(enumerate(found.counts))
    wrong = [[None if row == column else count for column, count in enumerate(counts)] for row, counts in rows]
    text = [[f"{count:,}" if count else "" for count in counts] for _, counts in rows]
    heat = {
        "type": "heatmap",
        "z": wrong,
        "x": names,
        "y": names,
        "text": text,
        "texttemplate": "%{text}",
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
        "zmin": 0,
        "zmax": max(1, *(count or 0 for counts in wrong for count in counts)),
        "customdata": found.counts,
        "colorscale": [[0, "rgba(171,74,16,0)"], [1, "rgba(171,74,16,0.85)"]],
        "hoverongaps": False,
        "hovertemplate": f"%{{y}} → %{{x}}: %{{customdata:,}} {pictures}<extra></extra>",
    }
    return go.Figure(
        [heat],
        {
            "height": 460,
            "xaxis": {"title": {"text": given}, "side": "bottom", "tickangle": -40},
            "yaxis": {"title": {"text": own}, "autorange": "reversed"},
            "margin": {"t": 30, "r": 10},
        },
    )
