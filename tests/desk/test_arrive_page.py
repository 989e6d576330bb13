"""The ARRIVE report says what the records say, lists what they don't, and tells no arm of a blinded study."""

import pytest

pytestmark = pytest.mark.django_db
