"""How log lines are made: one an event, as `event name=value …` or as JSON, without whole numbers of anybody."""

import json
import logging
import re
from datetime import UTC, datetime

from . import traces

# One that is whole: by the last four digits nobody is known. In an address it begins with %2B.
NUMBER = re.compile(r"(\+|%2[Bb])\d{3,11}(\d{4})(?!\d)")
# Without a sign before it, what is long enough is taken for one: ids have digits, too.
LONG = re.compile(r"([^\w.])\d{6,11}(\d{4})(?!\w|\.\d)")
# PostgreSQL adds the whole row to some errors, and with it what a reader wrote.
ROW = re.compile(r"^DETAIL: .*?(?=^(?:Traceback |\n?During handling|\n?The above exception|  File )|\Z)", re.S | re.M)
EVENT = re.compile(r"[a-z_]+\.[a-z_]+(?= [a-z_]+=|$)")
PAIR = re.compile(r" ([a-z_]+)=(.*?)(?= [a-z_]+=|$)", re.DOTALL)


def scrubbed(words: str) -> str:
    """Return words of a log without whole phone numbers, and without the rows that a database shows in its errors."""
    if "DETAIL: " in words:
        words = ROW.sub("", words)
    return LONG.sub(r"\1…\2", " " + NUMBER.sub(r"\1…\2", words))[1:]


def is_theirs(record: logging.LogRecord | None) -> bool:
    """Tell whether a client got this wrong, such as who looks for holes under the names of other hosts."""
    return getattr(record, "status_code", 500) < 500


class NoErrorIfTheirs(logging.Filter):
    """What a client got wrong is one line and a warning: only an error of ours is one, and brings its traceback along.

    Django takes requests that it finds suspicious for errors, which anybody can send at any rate.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if is_theirs(record):
            record.exc_info = None
            record.levelno = min(record.levelno, logging.WARNING)
            record.levelname = logging.getLevelName(record.levelno)
        return True


class Traced(logging.Filter):
    """Give each line its trace: the one that is given with it, else that of its request, or of what is under way."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "trace"):
            record.trace = traces.current() or getattr(getattr(record, "request", None), "trace", None)
        return True


class Lines(logging.Formatter):
    """One line an event, and an error's traceback below it."""

    def format(self, record: logging.LogRecord) -> str:
        return scrubbed(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = f"{moment(record)} {record.levelname} {record.name} {record.message}"
        return f"{line} trace={record.trace}" if record.trace else line


class Json(logging.Formatter):
    """One JSON object a line: time, level, logger, the event with its values or else a message, trace, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        said = {"time": moment(record), "level": record.levelname, "logger": record.name}
        said |= values_of(scrubbed(record.getMessage()))
        said["trace"] = record.trace
        if record.exc_info:
            said["traceback"] = scrubbed(self.formatException(record.exc_info))
        known = {name: value for name, value in said.items() if value not in (None, "", "None")}
        return json.dumps(known, ensure_ascii=False)


def moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def values_of(message: str) -> dict[str, str]:
    """Return what a line says, each value by its name; a message that is no event of ours stays as it is."""
    event = EVENT.match(message)
    return {"event": event[0]} | dict(PAIR.findall(message)) if event else {"message": message}
