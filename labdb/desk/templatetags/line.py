"""The line from mouse to counts, on the page of any record that lies on it."""

from typing import Any

from django import template

from labdb.desk.sample_line import line_of

register = template.Library()


@register.inclusion_tag("desk/_line.html", takes_context=True)
def sample_line(context: Any, row: Any) -> dict[str, Any]:
    """Show where a record comes from and what was made of it."""
    return {"line": line_of(row, context["user"])}
