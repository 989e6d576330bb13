"""QR codes of pages, for paper that leads back to them."""

from io import BytesIO

import segno
from django.utils.safestring import mark_safe


def qr_svg(text: str, *, is_sized: bool = True, title: str = "QR code of this page") -> str:
    """Return the QR code of an address or a code, as SVG to stand in the page; without a size, as large as its place."""
    drawn = BytesIO()
    segno.make(text, micro=False).save(
        drawn, kind="svg", scale=3, border=4, xmldecl=False, svgns=True, title=title, omitsize=not is_sized
    )
    return mark_safe(drawn.getvalue().decode())  # noqa: S308 (made here, of modules and no text)
