"""One archive of everything that an installation keeps, rows and pictures, and how it becomes an installation again.

The archive is a tar.gz: the database as one file, the pictures below `media/`, and, written last, `manifest.json`,
which says of what the archive was taken, and when, and has the checksum of each file. Settings, and with them the
secrets, are not in it: they are not kept in the database.

Not by django-dbbackup: it writes rows and pictures by two commands to two files, of two moments, and what it restores
would text readers at once. Here a text's picture is there, and a copy begins with the brake on.
"""


class BackupError(Exception):
    """What stands in the way, as a sentence; nothing was changed, and nothing half-written is left."""
