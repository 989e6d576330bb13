"""Addresses that follow from the declarations."""

from labdb.registry.rest import Router

api_urlpatterns = Router().urls
