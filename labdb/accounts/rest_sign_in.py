"""How a script signs in: by `Authorization: Token ...`, within the limits of that token."""

from typing import Any

import pghistory
from django.utils.encoding import force_str
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from labdb.accounts.models import User
from labdb.accounts.rest_token import RestToken, TokenRefused, note_use, signed_in_by
from labdb.registry.narrowing import narrow
from labdb.registry.throttles import count_anonymous

KEYWORD = "Token"
READS_ONLY = "The token {token} only reads; make one that may write on the page of your account."
SAFE = ("GET", "HEAD", "OPTIONS")


class TokenAuthentication(BaseAuthentication):
    """Signs in the account of a token; a wrong token is a 401 with a sentence, whatever else the request brings."""

    def authenticate(self, request: Request) -> tuple[User, RestToken] | None:
        """Return the account and its token; None where the request brings none."""
        keyword, _space, sent = get_authorization_header(request).partition(b" ")
        if keyword.lower() != KEYWORD.lower().encode():
            return None
        try:
            token = signed_in_by(force_str(sent.strip(), "latin-1"))
        except TokenRefused as refusal:
            count_anonymous(request)
            raise AuthenticationFailed(str(refusal)) from None
        note_use(token)
        narrow(token.user, token.narrowing)
        pghistory.context(token=token.name)  # beside the account: which of its scripts wrote
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 asks for."""
        return KEYWORD


class SignedInWithinLimits(BasePermission):
    """Whoever is signed in; who has a token that only reads, to read."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the request may go on to its view."""
        if not request.user or not request.user.is_authenticated:
            count_anonymous(request)
            return False
        token = request.auth
        if isinstance(token, RestToken) and token.is_read_only and request.method not in SAFE:
            self.message = READS_ONLY.format(token=token)
            return False
        return True


class TokenScheme(OpenApiAuthenticationExtension):
    """Says in the schema how a token is sent."""

    target_class = TokenAuthentication
    name = "tokenAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": f"`Authorization: {KEYWORD} ...`; tokens are made on the page of one's account.",
        }
