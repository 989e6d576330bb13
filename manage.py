#!/usr/bin/env python
"""The command line of labdb; `manage.py help` lists what it does."""

import os
import sys


def main() -> None:
    """Run one command with labdb's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labdb.settings")
    from django.core.management import execute_from_command_line

    from labdb.postgres import PostgresError

    try:
        execute_from_command_line(sys.argv)
    except PostgresError as error:  # a sentence for a person: no server, or a DATABASE_URL that cannot be read
        sys.exit(str(error))


if __name__ == "__main__":
    main()
