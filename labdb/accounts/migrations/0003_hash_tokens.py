"""Tokens of before, which the database held as they were sent, are held as their hash; scripts notice nothing."""

import hashlib

from django.db import migrations

NAME = "earlier token"


def hash_tokens(apps, schema_editor):
    """Take over every token of the framework's own table, without a limit and without an end as it was."""
    plain, hashed = apps.get_model("authtoken", "Token"), apps.get_model("accounts", "RestToken")
    hashed.objects.bulk_create(
        hashed(
            user_id=token.user_id,
            name=NAME,
            digest=hashlib.sha256(token.key.encode()).hexdigest(),
            made_at=token.created,
        )
        for token in plain.objects.all()
    )
    plain.objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0002_rest_tokens"),
        ("authtoken", "0004_alter_tokenproxy_options"),
    ]

    # Back: what was hashed cannot be read again, so those tokens end.
    operations = [migrations.RunPython(hash_tokens, migrations.RunPython.noop)]
