"""`makemigrations`, with each new table whole."""

from django.core.management.commands.makemigrations import Command as MakeMigrationsCommand

from labdb.registry.autodetector import Autodetector


class Command(MakeMigrationsCommand):
    """Django's command, with labdb's autodetector."""

    autodetector = Autodetector
