"""Who did the work of the demo: accounts that nobody signs in with."""

from typing import Final

from django.contrib.auth.hashers import make_password

from labdb.accounts.models import User

TECHNICIANS: Final = {"C1": "demo_technician_1", "C2": "demo_technician_2"}  # one a cohort
SCORER: Final = "demo_scorer"
ALLOCATOR: Final = "demo_allocator"
MOLECULAR: Final = "demo_molecular"  # RNA
RATER: Final = "demo_rater"  # volumes and sections, blinded


def ensure_people() -> None:
    """Make the accounts that are missing, closed and without a password."""
    for username in (*TECHNICIANS.values(), SCORER, ALLOCATOR, MOLECULAR, RATER):
        User.objects.get_or_create(
            username=username,
            defaults={"is_active": False, "first_name": "Simulated", "password": make_password(None)},
        )
