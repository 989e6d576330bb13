"""Another scoring of an SI test: what is known of the test, and nothing of the scoring before."""

from typing import Any

from labdb.behavior.models import SocialInteractionTest
from labdb.registry.forms import model_texts
from labdb.registry.record import record_for

# Of a scoring, not of the test: another one has its own or none.
OF_SCORING = (
    "iz_absent_s", "iz_present_s", "corner_absent_s", "corner_present_s", "distance_absent_cm", "distance_present_cm",
    "velocity_absent_cm_per_s", "velocity_present_cm_per_s", "tracker_sha256", "notes",
)  # fmt: skip


def another_scoring(test: SocialInteractionTest, number: int, scorer: Any) -> dict[str, Any]:
    """Return a new scoring of a test as form data, without times; it does not count.

    Related records stand as themselves: who scores need not see them.
    """
    record = record_for(SocialInteractionTest)
    related = {field.name: getattr(test, field.name) for field in test._meta.fields if field.is_relation}
    texts = {**model_texts(test, record), **{name: one for name, one in related.items() if name in record.fields}}
    return {
        **texts, **dict.fromkeys(OF_SCORING, ""), "scorer": scorer, "scoring_number": str(number), "counts": "no",
        "study": "",
    }  # fmt: skip
