"""The doors of the start page: each leads to a lab and shows one real result of it."""

import json
from functools import cache
from typing import Any

import streamlit as st

from xception_lab.ui.language import ASSETS
from xception_lab.ui.language import text as _


def door(page: str, title: str, about: str, result: str, values: dict[str, str]) -> None:
    """A way to a lab: what it is about, and one real result that its link shows."""
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{title}**  \n{about}")
        st.markdown(result)
        st.page_link(f"pages/{page}.py", label=_("Open"), icon=":material/arrow_forward:", query_params=values)


def relu_result() -> str:
    """What the stored experiment says of the ReLU between; read as it was computed, for statistics load slowly."""
    main = next(e for e in _stored_effects() if e["kind"] == "main" and e["change"][0][0] == "intermediate")
    sentence = _(
        "A ReLU between, small Xceptions on Fashion-MNIST: **{points:+.2f} points**, 95 % CI {low:+.2f} to {high:+.2f}."
    )
    return sentence.format(**main)


def information_result() -> str:
    """What the stored curve says: how much of a picture random blocks with a ReLU between give back."""
    by = {
        (point["kind"], point["segments"]): point["median"] for point in _stored_curve() if point["between"] == "relu"
    }
    sentence = _(
        "A ReLU between, random filters: **{regular:.0%}** of a picture comes back at 1 segment, **{separable:.0%}** "
        "from the separable block."
    )
    return sentence.format(regular=by["extreme", 1], separable=by["separable", None])


@cache
def _stored_curve() -> list[dict[str, Any]]:
    return json.loads((ASSETS / "features" / "default.json").read_text(encoding="utf-8"))["curve"]


@cache
def _stored_effects() -> list[dict[str, Any]]:
    return json.loads((ASSETS / "results" / "two-differences.json").read_text(encoding="utf-8"))["effects"]
