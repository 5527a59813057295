"""A network on one HTML page that needs nothing else: inline pictures and tables, no script, no other host."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from xception_lab.arch.breakdown import (
    LAYER_KINDS,
    AreaMeasure,
    CostChange,
    LayerKind,
    NetworkBreakdown,
    amounts_by_block,
    network_layer_rows,
)
from xception_lab.common.units import format_bytes, format_count

# light, dark: dark enough, or light enough, to tell apart on either ground; the app's own categorical order
_COLOURS: dict[LayerKind, tuple[str, str]] = {
    "standard": ("#5f6f86", "#9fb0c8"),
    "spatial": ("#a83f6f", "#ee8bb5"),
    "depthwise": ("#ab4a10", "#f0924c"),
    "pointwise": ("#0b7f74", "#35c4b3"),
    "shortcut": ("#7a5ea8", "#b79be6"),
    "linear": ("#4477aa", "#7db3e8"),
    "other": ("#8a7a1f", "#d6c45a"),
}
_BAR, _ROW, _LEFT, _RIGHT = 620, 24, 90, 110


@dataclass(frozen=True, slots=True)
class ReportWords:
    """Every text of a report in its reader's language. names: of quantities, kinds and columns by the engine's word."""

    language: str
    title: str
    lead: str
    settings: str
    against: str
    value: str
    paper: str
    difference: str
    ratio: str
    where: str
    layers: str
    code: str
    source: str
    conventions: str
    names: Mapping[str, str]


def network_report(
    network: NetworkBreakdown,
    rows: Iterable[tuple[CostChange, str]],
    settings: Mapping[str, str],
    snippet: str,
    words: ReportWords,
) -> str:
    """The page as HTML. rows: each change with its ratio in words; settings: what differs from the defaults or not."""
    changed = [
        (
            words.names[change.measure],
            f"{change.value:,}",
            f"{change.reference:,}",
            f"{change.delta:+,}" if change.delta else "0",
            said,
        )
        for change, said in rows
    ]
    layers = network_layer_rows(network.layers)
    parts = (
        f"<h1>{escape(words.title)}</h1><p class=lead>{escape(words.lead)}</p>",
        _section(words.settings, _table((), [(name, value) for name, value in settings.items()])),
        _section(
            words.against, _table(("", words.value, words.paper, words.difference, words.ratio), changed, numbers=1)
        ),
        _section(words.where, _legend(words), *(_bars(network, weighed, words) for weighed in ("macs", "params"))),
        _section(words.layers, _table(tuple(layers[0]), [tuple(map(_cell, row.values())) for row in layers], 4)),
        _section(words.code, f"<pre>{escape(snippet)}</pre>"),
        f"<footer><p>{escape(words.conventions)}</p><p>{escape(words.source)}</p></footer>",
    )
    return (
        f'<!doctype html><html lang="{escape(words.language)}"><head><meta charset="utf-8">'
        # nothing but what stands in this file may be shown, whatever a text holds
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(words.title)}</title><style>{_style()}</style></head><body>{''.join(parts)}</body></html>"
    )


def _section(title: str, *content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(content)}</section>"


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 99) -> str:
    """A table; columns from `numbers` on hold numbers."""

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=number' if column >= numbers else ''}>{escape(text)}</{tag}>"
            for column, text in enumerate(row)
        )

    top = f"<thead><tr>{cells(head, 'th')}</tr></thead>" if head else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<div class=wide><table>{top}<tbody>{body}</tbody></table></div>"


def _legend(words: ReportWords) -> str:
    items = "".join(f'<li><i class="{kind}"></i>{escape(words.names[kind])}</li>' for kind in LAYER_KINDS)
    return f"<ul class=legend>{items}</ul>"


def _bars(network: NetworkBreakdown, weighed: AreaMeasure, words: ReportWords) -> str:
    """One bar a block, cut by kind; the longest fills the width."""
    table = amounts_by_block(network, weighed)
    longest = max(sum(row.values()) for row in table.values())
    drawn: list[str] = []
    for number, (block, row) in enumerate(table.items()):
        x, y = float(_LEFT), number * _ROW
        drawn.append(f'<text x="{_LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(block)}</text>')
        for kind in LAYER_KINDS:
            width = _BAR * row.get(kind, 0) / longest
            if width:
                drawn.append(f'<rect class="{kind}" x="{x:.2f}" y="{y + 4}" width="{width:.2f}" height="16"/>')
            x += width
        total = sum(row.values())
        drawn.append(f'<text x="{x + 6:.2f}" y="{y + 16}">{escape(_amount(weighed, total))}</text>')
    name = words.names[weighed]
    size = f"0 0 {_LEFT + _BAR + _RIGHT} {_ROW * len(table)}"
    return (
        f'<figure><figcaption>{escape(name)}</figcaption><svg viewBox="{size}" role="img" '
        f'aria-label="{escape(name)}">{"".join(drawn)}</svg></figure>'
    )


def _amount(weighed: AreaMeasure, amount: int) -> str:
    return format_bytes(amount) if weighed == "activation_bytes" else format_count(amount)


def _style() -> str:
    def fills(shade: int) -> str:
        return "".join(
            f"rect.{kind}{{fill:{pair[shade]}}}i.{kind}{{background:{pair[shade]}}}" for kind, pair in _COLOURS.items()
        )

    return (
        ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;"
        "padding:0 1rem;color:#1f2933;background:#fff}h1{margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}"
        ".lead{margin:.3rem 0}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}"
        "th,td{padding:.25rem .7rem;text-align:left;border-bottom:1px solid #8883;white-space:nowrap}"
        ".number{text-align:right;font-variant-numeric:tabular-nums}pre{overflow:auto;padding:1rem;"
        "background:#8881;border-radius:8px;font-size:.8rem}figure{margin:1rem 0}svg text{font-size:13px;"
        "fill:currentColor}.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;padding:0;margin:0;list-style:none;"
        "font-size:.85rem}.legend i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}"
        f"footer{{margin:2rem 0;font-size:.85rem;opacity:.85}}{fills(0)}"
        f"@media(prefers-color-scheme:dark){{body{{color:#e6ebf0;background:#12171d}}{fills(1)}}}"
    )
