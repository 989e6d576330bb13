"""What lifting a blind does to records: who may lift it, when it was lifted, and what was written after it.

The log of it stands in a later room (labdb.treatment). SQL binds its table by name when a trigger fires, and Python
asks what that room has put into `KEYS` and `HOLDS_KEY`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pgtrigger
from django.apps import apps
from django.db import models

from labdb.registry.findings import Finding, Grade

# Each returns how many keys the studies have by study; whether an account reads the key of a study.
KEYS: list[Callable[[Sequence[int]], dict[int, int]]] = []
HOLDS_KEY: list[Callable[[Any, Any], bool]] = []

# `unblinded_at` is the database's own: whoever writes another value, or an old one, changes nothing.
_STUDY = """
IF TG_OP = 'INSERT' THEN
    NEW.unblinded_at := NULL;
    RETURN NEW;
END IF;
IF NEW.unblinded_at IS DISTINCT FROM OLD.unblinded_at AND (
    NEW.unblinded_at IS NULL OR NEW.unblinded_at <= OLD.unblinded_at OR NOT EXISTS (
        SELECT FROM treatment_unblinding AS log
        WHERE log.study_id = OLD.id AND log.mouse_id IS NULL AND log.at = NEW.unblinded_at
    )
) THEN
    NEW.unblinded_at := OLD.unblinded_at;
END IF;
IF OLD.is_blinded AND NOT NEW.is_blinded AND NEW.unblinded_at IS NOT DISTINCT FROM OLD.unblinded_at THEN
    RAISE EXCEPTION 'Study % is blinded; it is unblinded on its own page, with a reason and a password.', OLD.code
        USING ERRCODE = 'check_violation';
END IF;
RETURN NEW;
"""
_MOUSE = """
IF TG_OP = 'INSERT' THEN
    NEW.unblinded_at := NULL;
ELSIF OLD.unblinded_at IS NOT NULL OR NOT EXISTS (
    SELECT FROM treatment_unblinding AS log WHERE log.mouse_id = OLD.id AND log.at = NEW.unblinded_at
) THEN
    NEW.unblinded_at := OLD.unblinded_at;
END IF;
RETURN NEW;
"""
_SCORE = """
IF TG_OP = 'UPDATE' THEN
    NEW.entered_unblinded := OLD.entered_unblinded;
ELSE
    NEW.entered_unblinded := EXISTS (
        SELECT FROM colony_mouse AS mouse JOIN colony_study AS study ON study.id = mouse.study_id
        WHERE mouse.id = NEW.mouse_id AND (study.unblinded_at IS NOT NULL OR mouse.unblinded_at IS NOT NULL)
    );
END IF;
RETURN NEW;
"""


def study_trigger() -> pgtrigger.Trigger:
    """Return the trigger by which a study is unblinded with a row of the log, and in no other way."""
    return pgtrigger.Trigger(
        name="blinding", when=pgtrigger.Before, operation=pgtrigger.Insert | pgtrigger.Update, func=_STUDY
    )


def mouse_triggers() -> list[pgtrigger.Trigger]:
    """Return the triggers that keep when a mouse was unblinded; they cost the other writes nothing."""
    return [
        pgtrigger.Trigger(
            name="unblinded_insert",
            when=pgtrigger.Before,
            operation=pgtrigger.Insert,
            condition=pgtrigger.Condition("NEW.unblinded_at IS NOT NULL"),
            func=_MOUSE,
        ),
        pgtrigger.Trigger(
            name="unblinded_update",
            when=pgtrigger.Before,
            operation=pgtrigger.Update,
            condition=pgtrigger.Condition("NEW.unblinded_at IS DISTINCT FROM OLD.unblinded_at"),
            func=_MOUSE,
        ),
    ]


class BlindScore(models.Model):
    """A score of a mouse that says for ever whether it was entered after the blind was lifted.

    A child's Meta names ``*BlindScore.Meta.triggers`` among its own.
    """

    entered_unblinded = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="Whether the study, or this mouse, had been unblinded when the score was entered.",
    )

    class Meta:
        abstract = True
        triggers = [
            pgtrigger.Trigger(
                name="entered_unblinded",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=_SCORE,
            )
        ]


def n_keys(studies: Sequence[int]) -> dict[int, int]:
    """Return how many keys the studies have, by study; those without any are left out."""
    return {study: n for count in KEYS for study, n in count(studies).items()}


def holds_key(user: Any, study: Any) -> bool:
    """Whether a role of the account lets it read which mouse of the study gets what."""
    return any(holds(user, study) for holds in HOLDS_KEY)


def scored_by_key_holders(rows: Sequence[Any], scorer: str) -> Iterator[Finding]:
    """Warn of scores of a blinded study by somebody who holds its key: who types them, or who is named as scorer.

    Parameters
    ----------
    scorer : str
        The field that names who scored.
    """
    studies = apps.get_model("colony", "Study")._default_manager.filter(is_blinded=True)
    blinded = studies.in_bulk({row.study_id for row in rows})
    known: dict[tuple[int, Any], bool] = {}

    def holds(user: Any, study: Any) -> bool:
        if user is None or study is None or user.pk is None or user.is_system:  # labdb itself scores nothing
            return False
        if (study.pk, user.pk) not in known:
            known[study.pk, user.pk] = holds_key(user, study)
        return known[study.pk, user.pk]

    for number, row in enumerate(rows):
        study = blinded.get(row.study_id)
        if holds(row.writer, study):
            who = "You hold"
        elif study is not None and holds(named := getattr(row, scorer), study):
            who = f"{named} holds"
        else:
            continue
        sentence = f"{who} the key of study {study}, which is blinded; let somebody score who does not know the arms, or say why not."
        yield Finding(number, scorer, sentence, Grade.WARNING)
