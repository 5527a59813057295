"""A link as a QR code, drawn on this machine."""

from functools import lru_cache
from io import BytesIO

import segno


@lru_cache(maxsize=64)
def qr_svg(text: str, dark: str = "#12171d", light: str = "#ffffff") -> str:
    """The QR code of a text as an SVG document that fills its box, with the quiet zone that readers ask for.

    dark, light: colours; a reader wants dark on light in every theme. Raises ValueError where the text is too long for
    any code, which holds 2,331 bytes at this level of correction.
    """
    image = BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(image, kind="svg", border=4, dark=dark, light=light, xmldecl=False, omitsize=True, nl=False)
    return image.getvalue().decode("utf-8")
