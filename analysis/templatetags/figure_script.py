"""The specification of a figure within its page."""

import json
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

# Django's own; so no text of a specification ends the script or begins another.
ESCAPED = {">": "\\u003E", "<": "\\u003C", "&": "\\u0026"}


@register.filter
def figure_script(specification: Any, element_id: str) -> SafeString:
    """Return what `json_script` does: it looks each character up, a third of the time that a volcano takes."""
    text = json.dumps(specification, cls=DjangoJSONEncoder, separators=(",", ":"))
    for character, escaped in ESCAPED.items():
        text = text.replace(character, escaped)
    return format_html(
        '<script id="{}" type="application/json">{}</script>',
        element_id,
        mark_safe(text),  # noqa: S308 (escaped above)
    )
