"""JSON in and out: what cannot be read is refused in a sentence, and any text can be answered."""

from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer


class JsonParser(JSONParser):
    """Reads JSON, and says what is wrong where Python would stop with an error of its own."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the parsed body."""
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("This JSON is nested too deeply; send an object of fields, or a list of them.") from None


class AlwaysJson(BaseContentNegotiation):
    """Answers JSON whatever a client would rather have: who asks for a CSV says so by ``?export=csv``."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """Return the parser of what was sent; None for a form that is not read here."""
        return DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        """Return the one renderer."""
        return renderers[0], renderers[0].media_type


class JsonRenderer(JSONRenderer):
    """Writes JSON as UTF-8; a sentence that repeats half a surrogate pair repeats it as it was sent: ``\\ud800``."""

    def render(self, *args: Any, **kwargs: Any) -> bytes:
        """Return the answer's body."""
        try:
            return super().render(*args, **kwargs)
        except UnicodeEncodeError:
            return _AsciiRenderer().render(*args, **kwargs)


class _AsciiRenderer(JSONRenderer):
    ensure_ascii = True
