"""Links that a teacher gives to a class, and their QR codes."""

from typing import Literal
from urllib.parse import urlencode, urlsplit

import streamlit as st

from xception_lab.classroom.reach import class_origin, own_address
from xception_lab.drawing.qr_code import qr_svg
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message


def class_link(page: str, parameters: dict[str, str]) -> tuple[str, str]:
    """A link to a page of this server that other machines can open, and a note about its address or "".

    page: its name, "" for the start page.
    """
    url = st.context.url or "http://localhost:8501/"
    origin, note = class_origin(url, own_address())
    # a server may live below a path; this page's own name is the last part of it
    folder = urlsplit(url).path.rpartition("/")[0]
    query = f"?{urlencode(parameters)}" if parameters else ""
    return f"{origin}{folder}/{page}{query}", translate_message(note) if note else ""


def show_qr(link: str, width: int | Literal["stretch"] = "stretch") -> None:
    """A link as a QR code; a sentence instead where it is too long for one."""
    try:
        image = qr_svg(link)
    except ValueError:
        st.caption(_("The link is too long for a QR code: shorten the task, or copy the link."))
        return
    st.image(image, width=width, alt=_("QR code of the link"))
