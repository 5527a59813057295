"""A network's report for tests, its words being themselves."""

from xception_lab.arch.breakdown import NetworkSpec, break_down, cost_changes
from xception_lab.arch.snippets import network_snippet
from xception_lab.drawing.html_report import ReportWords, network_report
from xception_lab.spec import XceptionSpec

SPEC = NetworkSpec(width_percent=50, middle_blocks=2)


HOSTILE = "</title><script src='https://example.org/x.js'></script><img src=https://example.org/y.png>"


def report(title: str = "Title") -> str:
    """The report of a network, its words being themselves."""
    network = break_down(SPEC.xception, SPEC.size)
    names = dict.fromkeys(
        (
            "params",
            "macs",
            "weight_bytes",
            "activation_bytes",
            "moved_bytes",
            "standard",
            "spatial",
            "depthwise",
            "pointwise",
            "shortcut",
            "linear",
            "other",
        ),
        "name",
    )
    words = ReportWords("en", title, *("word",) * 12, names=names)
    rows = [(change, "ratio") for change in cost_changes(network, break_down(XceptionSpec(), 299))]
    return network_report(network, rows, {"middle_blocks": "2"}, network_snippet(network.spec, 299, 299), words)
