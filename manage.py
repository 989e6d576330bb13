#!/usr/bin/env python
"""The command line of labdb; `manage.py help` lists what it does."""

import os
import sys


def main() -> None:
    """Run one command with labdb's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labdb.settings")
    from django.core.management import execute_from_command_line

    from labdb.environment import SettingError
    from labdb.postgres import PostgresError

    try:
        execute_from_command_line(sys.argv)
    except (PostgresError, SettingError) as error:  # a sentence for a person: no server, or a setting that is none
        sys.exit(str(error))


if __name__ == "__main__":
    main()
