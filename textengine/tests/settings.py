"""The project's settings for tests: nothing of this machine's `.env`, everything of a sandbox that tests start."""

import os

os.environ.setdefault("DATABASE_URL", "")
os.environ.update(
    {
        "SECRET_KEY": "only-for-tests",
        "DEBUG": "false",
        "PUBLIC_URL": "http://localhost:8000",
        "TIME_ZONE": "UTC",
        "NEWSROOM_NAME": "",
        "NEWSROOM_CONTACT": "",
        "PRIVACY_URL": "",
        # Tests pass at any hour: those that are about quiet hours set them.
        "QUIET_HOURS": "off",
        **{f"{command}_WORDS": command for command in ("PAUSE", "RESUME", "AGAIN", "WHERE", "FORGET")},
        "CARRIER_ANSWERS": "long-code, toll-free, advanced-opt-out",
        "ANSWERS_PER_HOUR": "",
        "ALLOWED_COUNTRIES": "",
        **dict.fromkeys(("STORIES_PER_DAY", "ENROLLMENTS_PER_MINUTE", "DAILY_SEGMENTS"), ""),
        "MAX_STORIES_AT_ONCE": "",
        "METRICS_TOKEN": "",
        "LOG_FORMAT": "",
        "SENTRY_DSN": "",
        **dict.fromkeys(("EMAIL_URL", "EMAIL_FROM", "DIGEST_EMAILS", "DIGEST_WEBHOOK", "DIGEST_SECRET"), ""),
        **dict.fromkeys(("PROXIES", "SECOND_FACTOR"), ""),
        **dict.fromkeys(("DIGEST_EVERY", "DIGEST_AT"), ""),
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "sandbox-auth-token",
        "TWILIO_WEBHOOK_SECRETS": "",
        "TWILIO_NUMBER": "+15005550006",
        "TWILIO_MESSAGING_SERVICE_SID": "",
        "TWILIO_API_URL": "http://127.0.0.1:8001",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    }
)

from textengine.settings import *  # noqa: F403
from textengine.settings import BASE_DIR, DATABASES

# Tests that log in by password, through real processes, ask for the real hasher.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# A server looks at every static file once, when it starts; each test's client is a server that has just started.
WHITENOISE_AUTOREFRESH = True
IS_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite")
DATABASES["default"]["ENGINE"] = f"textengine.tests.backends.{'sqlite' if IS_SQLITE else 'postgresql'}"
# A file, so that the processes that tests start see the same database.
if IS_SQLITE:
    DATABASES["default"]["TEST"] = {"NAME": os.environ.get("TEST_DATABASE_NAME", str(BASE_DIR / "test.sqlite3"))}
