"""QR codes of pages, for paper that leads back to them."""

from io import BytesIO

import segno
from django.utils.safestring import mark_safe


def qr_svg(address: str) -> str:
    """Return the QR code of an address, as SVG to stand in the page."""
    drawn = BytesIO()
    segno.make(address, micro=False).save(
        drawn, kind="svg", scale=3, border=4, xmldecl=False, svgns=True, title="QR code of this page"
    )
    return mark_safe(drawn.getvalue().decode())  # noqa: S308 (made here, of modules and no text)
