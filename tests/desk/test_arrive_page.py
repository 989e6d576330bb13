"""The ARRIVE report says what the records say, lists what they don't, and tells no arm of a blinded study."""

import re
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

pytestmark = pytest.mark.django_db
