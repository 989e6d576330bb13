from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def give_to_allocators(apps: Any, schema_editor: Any) -> None:
    """Give the right to a role that is called allocator: it was made before the right was, and is never overwritten."""
    role = apps.get_model("auth", "Group").objects.filter(name="allocator").first()
    if role is None:
        return  # a new laboratory gets it with the role
    kind, _is_new = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="treatment", model="allocationkey"
    )
    right, _is_new = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind,
        codename="hold_key",
        defaults={"name": "Can know and write treatments while a study is blinded"},
    )
    role.permissions.add(right)


class Migration(migrations.Migration):
    """While a study is blinded, its treatments are known to those alone who hold the key; results show letters."""

    dependencies = [
        ("treatment", "0002_randomizing"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="allocationkey",
            options={
                "ordering": ["allocation"],
                "permissions": [("hold_key", "Can know and write treatments while a study is blinded")],
            },
        ),
        migrations.CreateModel(
            name="ArmLetter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("letter", models.CharField(max_length=2)),
                (
                    "arm",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="treatment.treatmentarm"
                    ),
                ),
            ],
            options={"ordering": ["arm"]},
        ),
        migrations.RunPython(give_to_allocators, migrations.RunPython.noop),
    ]
