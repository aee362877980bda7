"""The file that lets the carrier forget nothing over a restart. SQLite and nothing else lives here."""

import sqlite3
from dataclasses import fields

from .store import Media, Message

SCHEMA_VERSION = 1
COLUMNS = [field.name for field in fields(Message) if field.name not in ("deleted", "media")]
MEDIA_COLUMNS = [field.name for field in fields(Media)]
SCHEMA = f"""
CREATE TABLE message (seq INTEGER PRIMARY KEY, {", ".join(COLUMNS)}, UNIQUE (sid));
CREATE TABLE media (seq INTEGER PRIMARY KEY, {", ".join(MEDIA_COLUMNS)}, UNIQUE (sid));
CREATE TABLE opt_out (ours TEXT, phone TEXT, PRIMARY KEY (ours, phone)) WITHOUT ROWID;
PRAGMA user_version = {SCHEMA_VERSION};
"""
CHANGING = [name for name in COLUMNS if name != "sid"]
SAVE = (
    f"INSERT INTO message ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 - our own names
    f"ON CONFLICT (sid) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in CHANGING)}"
)
SAVE_MEDIA = f"INSERT INTO media ({', '.join(MEDIA_COLUMNS)}) VALUES ({', '.join('?' * len(MEDIA_COLUMNS))})"  # noqa: S608


class UnusableFile(Exception):
    """The data file cannot be opened, or something else wrote it."""


class NoArchive:
    """Keeps nothing: the carrier forgets when its process ends."""

    def messages(self):
        return ()

    media = opt_outs = messages

    def ignore(self, *args, **kwargs):
        """Do nothing, which is all that memory-only mode asks for."""

    save_message = delete_message = save_media = delete_media = save_opt_out = close = ignore


class Archive:
    """One SQLite file, written through at every change.

    WAL with synchronous=OFF makes a write cost microseconds. A killed process loses nothing, because the
    system already has the pages; only a machine that loses power may lose the last of them.
    """

    def __init__(self, path):
        """Open or create the file at `path`; raise UnusableFile with a sentence when that is impossible."""
        try:
            self.db = sqlite3.connect(path, isolation_level=None)
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA synchronous = OFF")
            version = self.db.execute("PRAGMA user_version").fetchone()[0]
            tables = self.db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if not tables:
                self.db.executescript(SCHEMA)
            elif version != SCHEMA_VERSION:
                raise UnusableFile(f"{path} is a database, but not one that the sandbox wrote.")
        except sqlite3.Error as error:
            raise UnusableFile(f"The data file {path} cannot be used: {error}.") from error

    def messages(self):
        """Yield every message, oldest first."""
        for row in self.db.execute(f"SELECT {', '.join(COLUMNS)} FROM message ORDER BY seq"):  # noqa: S608
            values = dict(zip(COLUMNS, row, strict=True))
            values["media_urls"] = tuple(values["media_urls"].split())
            yield Message(**values)

    def media(self):
        """Yield every attachment, oldest first."""
        for row in self.db.execute(f"SELECT {', '.join(MEDIA_COLUMNS)} FROM media ORDER BY seq"):  # noqa: S608
            yield Media(*row)

    def opt_outs(self):
        """Yield the blocked pairs of our number and phone."""
        yield from self.db.execute("SELECT ours, phone FROM opt_out")

    def save_message(self, message):
        """Insert the message or write its present state."""
        values = [getattr(message, name) for name in COLUMNS]
        # URLs hold no blanks (the API refuses them), so one blank parts them.
        values[COLUMNS.index("media_urls")] = " ".join(message.media_urls)
        self.db.execute(SAVE, values)

    def delete_message(self, sid):
        self.db.execute("DELETE FROM message WHERE sid = ?", [sid])

    def save_media(self, media):
        self.db.execute(SAVE_MEDIA, [getattr(media, name) for name in MEDIA_COLUMNS])

    def delete_media(self, sid):
        self.db.execute("DELETE FROM media WHERE sid = ?", [sid])

    def save_opt_out(self, ours, phone, *, out):
        """Block the pair, or open it again."""
        if out:
            self.db.execute("INSERT OR IGNORE INTO opt_out VALUES (?, ?)", [ours, phone])
        else:
            self.db.execute("DELETE FROM opt_out WHERE ours = ? AND phone = ?", [ours, phone])

    def close(self):
        self.db.close()
