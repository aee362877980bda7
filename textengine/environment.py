"""What the environment says of a setting, as what the setting is.

Each of these raises ImproperlyConfigured with a sentence that says what to set, where a value cannot be used.
"""

import json
import re
from datetime import time, timedelta
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError

from stories.quiet import QuietHours, parse_quiet_hours

env = environ.Env()
env.smart_cast = False

# Stands for SECRET_KEY while somebody debugs on their own machine; everybody knows it.
DEBUGGING_KEY = "only-for-debugging-on-this-machine"


def boolean(name: str, default: bool) -> bool:
    value = env.str(name, "").strip().lower()
    if value in ("", "true", "1", "yes", "on", "false", "0", "no", "off"):
        return default if value == "" else value in ("true", "1", "yes", "on")
    raise ImproperlyConfigured(f"{name} is {value!r}; set it to true or false.")


def one_of(name: str, default: str, *others: str) -> str:
    value = env.str(name, "").strip().lower() or default
    if value in (default, *others):
        return value
    raise ImproperlyConfigured(f"{name} is {value!r}; set it to {' or '.join((default, *others))}.")


def port(name: str, default: int) -> int:
    value = env.str(name, "") or str(default)
    if value.isdecimal() and 0 < int(value) < 65536:
        return int(value)
    raise ImproperlyConfigured(f"{name} is {value!r}; set it to a port number from 1 to 65535.")


def days(name: str) -> timedelta | None:
    """Return a number of days; None where none is set."""
    value = env.str(name, "").strip()
    if value == "" or (value.isdecimal() and 0 < int(value[:6]) < 100_000 and len(value) < 6):
        return timedelta(days=int(value)) if value else None
    raise ImproperlyConfigured(f"{name} is {value!r}; set it to a number of days, or leave it empty.")


def count(name: str, default: int) -> int:
    value = env.str(name, "") or str(default)
    if value.isdecimal() and len(value) < 4 and int(value) > 0:
        return int(value)
    raise ImproperlyConfigured(f"{name} is {value!r}; set it to a whole number from 1 to 999.")


def amount(name: str) -> int | None:
    """Return a number that may be large; None where none is set."""
    value = env.str(name, "").strip()
    if value == "" or (value.isdecimal() and len(value) < 10 and int(value) > 0):
        return int(value) if value else None
    raise ImproperlyConfigured(f"{name} is {value!r}; set it to a whole number above 0, or leave it empty.")


def words(name: str, default: str) -> tuple[str, ...]:
    """Return the words that this setting lists, separated by commas; none where it is set to nothing."""
    return tuple(word for word in map(str.strip, env.str(name, default).split(",")) if word)


def clock(name: str, default: time) -> time:
    value = env.str(name, "").strip()
    if not value:
        return default
    if re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", value):
        return time(*map(int, value.split(":")))
    raise ImproperlyConfigured(f"{name} is {value!r}; set it to a time of day such as 21:00.")


def quiet_hours(name: str, default: str) -> QuietHours | None:
    try:
        return parse_quiet_hours(env.str(name, "").strip() or default)
    except ValidationError as error:
        raise ImproperlyConfigured(f"{name}: {error.messages[0]}") from error


def base_url(name: str, default: str) -> str:
    value = (env.str(name, "") or default).rstrip("/")
    problem = ImproperlyConfigured(f"{name} is {value!r}; set it to an address such as https://texts.example.org.")
    try:
        parts = urlsplit(value)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError as error:  # Brackets that do not close, a port that no host has.
        raise problem from error
    if parts.scheme in ("http", "https") and has_host and not (parts.query or parts.fragment):
        return value
    raise problem


def options(name: str) -> dict:
    """Return the JSON object of this setting; an empty one where none is set."""
    value = env.str(name, "").strip() or "{}"
    problem = ImproperlyConfigured(
        f'{name} cannot be read; set it to a JSON object such as {{"bucket_name": "pictures"}}.'
    )
    try:
        found = json.loads(value)
    except ValueError as error:
        raise problem from error
    if isinstance(found, dict):
        return found
    raise problem


def link(name: str, mail: bool = False) -> str:
    """A link as `href` takes it; with `mail`, an e-mail address is one too. Empty where none is set."""
    value = env.str(name, "").strip()
    if mail and re.fullmatch(r"[^\s@/<>]+@[^\s@/<>]+", value):
        return f"mailto:{value}"
    if value == "" or re.fullmatch(r"https?://[^\s/]+\S*", value):
        return value
    wanted = "an e-mail address, or to an address such as" if mail else "an address such as"
    raise ImproperlyConfigured(f"{name} is {value!r}; set it to {wanted} https://example.org/texts, or leave it empty.")


def dsn(name: str) -> str:
    """Where errors are told, as Sentry writes it, which has a key in it; empty where none is set."""
    value = env.str(name, "").strip()
    if value == "" or re.fullmatch(r"https?://[^@/\s]+@[^@/\s]+(/[^@/\s]+)*/[0-9]+", value):
        return value
    raise ImproperlyConfigured(f"{name} is no DSN; set it to one such as https://key@sentry.example.org/1.")


def mail(url: str) -> dict:
    """Django's settings of the mail server that `url` names."""
    try:
        config = env.email_url_config(url)
        usual = 465 if config.get("EMAIL_USE_SSL") else 587 if config.get("EMAIL_USE_TLS") else 25
        return config | {"EMAIL_PORT": config["EMAIL_PORT"] or usual}
    except (ValueError, KeyError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(
            "EMAIL_URL cannot be understood; set it to smtp+tls://user:password@mail.example.org:587, "
            "where %40 stands for an @ in the user or the password."
        ) from error


def database(url: str) -> dict:
    """Django's settings of the database that `url` names: SQLite or PostgreSQL."""
    problem = ImproperlyConfigured(
        "DATABASE_URL cannot be understood; set it to sqlite:////path/to/file.sqlite3 or "
        "postgres://user:password@host:5432/name, where %5B stands for a [ in the password, %40 for an @."
    )
    try:
        if urlsplit(url).scheme not in ("sqlite", "postgres", "postgresql"):
            raise ValueError("no database of ours")
        config = env.db_url_config(url)
        config["NAME"] = str(config["NAME"] or "")
        config["PORT"] = str(urlsplit(url).port or "")
    except (ValueError, KeyError, ImproperlyConfigured) as error:
        raise problem from error
    if not config["NAME"]:
        raise problem
    # Connections stay open: opening one for each request costs PostgreSQL a factor of five on a webhook.
    config["CONN_MAX_AGE"] = None
    if config["ENGINE"].endswith("sqlite3"):
        # IMMEDIATE takes the write lock when a transaction begins, so that it waits its turn there instead of
        # failing with "database is locked" when it first writes; WAL lets readers go on beside the one writer.
        config["ENGINE"] = "textengine.sqlite"
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        config["CONN_HEALTH_CHECKS"] = True
        # A machine that stands still or is cut off in the middle of a transaction keeps its rows locked, and PostgreSQL
        # would wait for it for hours. It has to be over when its leases run out (after 25 seconds).
        config.setdefault("OPTIONS", {})["options"] = "-c idle_in_transaction_session_timeout=20s"
        # The server plans a statement that a connection repeats once instead of each time: a third of a webhook.
        config["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 3}
    return config
