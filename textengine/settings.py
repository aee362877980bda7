"""Settings, all from the environment or a `.env` file beside manage.py; .env.example explains each.

A value that cannot be used stops the start with a sentence that says what to set. What only makes sense
together (the Twilio settings) is checked in textengine/checks.py.
"""

from datetime import time, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from phonenumbers import SUPPORTED_REGIONS

from . import env_file
from .environment import (
    DEBUGGING_KEY,
    amount,
    base_url,
    boolean,
    clock,
    count,
    database,
    days,
    dsn,
    env,
    link,
    mail,
    one_of,
    options,
    port,
    quiet_hours,
    words,
)

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    env_file.read(BASE_DIR / ".env")
except (OSError, ValueError) as error:
    raise ImproperlyConfigured(f"the file .env cannot be read ({error}); see .env.example.") from error

DEBUG = boolean("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured("SECRET_KEY is not set; set it to a long random string (see .env.example).")
    SECRET_KEY = DEBUGGING_KEY

PORT = port("PORT", 8000)
SANDBOX_PORT = port("SANDBOX_PORT", 8001)
if PORT == SANDBOX_PORT:
    raise ImproperlyConfigured(f"PORT and SANDBOX_PORT are both {PORT}; set one of them to another port.")
# How many processes the web server runs; each answers one request at a time, or two on PostgreSQL.
WEB_CONCURRENCY = count("WEB_CONCURRENCY", 2)
# Where Twilio and readers reach us. Signatures are computed over it, and pictures are fetched from it.
PUBLIC_URL = base_url("PUBLIC_URL", f"http://localhost:{PORT}")
ALLOWED_HOSTS = [host.strip() for host in env.str("ALLOWED_HOSTS", "").split(",") if host.strip()] or [
    urlsplit(PUBLIC_URL).hostname,
    "localhost",
    "127.0.0.1",
    "[::1]",
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# Where the web server listens: whoever gives no public address keeps the pages to this machine.
IS_LOCAL = urlsplit(PUBLIC_URL).hostname in ("localhost", "127.0.0.1")
LISTEN_ON = one_of("LISTEN_ON", *(("127.0.0.1", "0.0.0.0") if IS_LOCAL else ("0.0.0.0", "127.0.0.1")))  # noqa: S104

TWILIO_ACCOUNT_SID = env.str("TWILIO_ACCOUNT_SID", "")
TWILIO_AUTH_TOKEN = env.str("TWILIO_AUTH_TOKEN", "")
# Other secrets by which webhooks may be signed: a token that is being replaced, the secret of a shared key.
TWILIO_WEBHOOK_SECRETS = words("TWILIO_WEBHOOK_SECRETS", "")
TWILIO_NUMBER = env.str("TWILIO_NUMBER", "").replace(" ", "")
TWILIO_MESSAGING_SERVICE_SID = env.str("TWILIO_MESSAGING_SERVICE_SID", "")
TWILIO_API_URL = base_url("TWILIO_API_URL", "https://api.twilio.com")

# What readers learn on a story's page: who writes it, whom they can ask, and where the privacy policy stands.
NEWSROOM_NAME = env.str("NEWSROOM_NAME", "").strip()
NEWSROOM_CONTACT = link("NEWSROOM_CONTACT", mail=True)
PRIVACY_URL = link("PRIVACY_URL")

# By which words readers steer their stories; no words, and the command is off.
COMMAND_WORDS = {name: words(f"{name}_WORDS", name) for name in ("PAUSE", "RESUME", "AGAIN", "WHERE", "FORGET")}
# To which kinds of our numbers the carrier itself answers STOP, START and HELP; texts that it marks as such, which it
# does with Advanced Opt-Out, are a kind of their own.
SENDER_KINDS = ("long-code", "toll-free", "short-code", "advanced-opt-out")
CARRIER_ANSWERS = words("CARRIER_ANSWERS", "long-code, toll-free, advanced-opt-out")
if unknown := set(CARRIER_ANSWERS) - set(SENDER_KINDS):
    raise ImproperlyConfigured(
        f"CARRIER_ANSWERS names {min(unknown)!r}; it lists some of {', '.join(SENDER_KINDS)}, or nothing."
    )
# How many answers of the system's own one number gets within an hour at most: two machines that answer each other stop.
ANSWERS_PER_HOUR = count("ANSWERS_PER_HOUR", 10)
# How many stories one reader is in at once at most; the next ones wait in line. Any number unless set.
MAX_STORIES_AT_ONCE = count("MAX_STORIES_AT_ONCE", 1) if env.str("MAX_STORIES_AT_ONCE", "") else None
# How many stories one number begins within a day at most.
STORIES_PER_DAY = count("STORIES_PER_DAY", 20)
# How many stories readers' texts begin in a minute; those of others begin one after the other. Any number unless set.
ENROLLMENTS_PER_MINUTE = amount("ENROLLMENTS_PER_MINUTE")
# After how many segments within a day everything is put on hold, until somebody releases it. Never unless set.
DAILY_SEGMENTS = amount("DAILY_SEGMENTS")
# The countries whose numbers can start stories, as ISO 3166 names them; all of them where none is named.
ALLOWED_COUNTRIES = frozenset(word.upper() for word in words("ALLOWED_COUNTRIES", ""))
if unknown := ALLOWED_COUNTRIES - SUPPORTED_REGIONS:
    raise ImproperlyConfigured(
        f"ALLOWED_COUNTRIES names {min(unknown)!r}; it lists countries by their two letters, such as US, CA."
    )

# By whom e-mail is sent, and from which address; Django's own checks and tests need none.
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname
EMAIL_TIMEOUT = 10
vars().update(mail(env.str("EMAIL_URL", "").strip() or "dummymail://"))
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", "").strip() or f"text-engine@{PUBLIC_HOST}"
# Whom the reply desk tells what is unread: addresses, a webhook and the secret that signs for it; how often, and when.
DIGEST_EMAILS = words("DIGEST_EMAILS", "")
DIGEST_WEBHOOK = link("DIGEST_WEBHOOK")
DIGEST_SECRET = env.str("DIGEST_SECRET", "").strip()
DIGEST_EVERY = one_of("DIGEST_EVERY", "day", "hour")
DIGEST_AT = clock("DIGEST_AT", time(8))

INSTALLED_APPS = [
    "textengine",
    "stories",
    "subscribers",
    "django_q",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "phonenumber_field",
    "csp",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
]

MIDDLEWARE = [
    "textengine.traces.traced",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "textengine.headers.permissions_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "textengine.second_factor.demanded",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "textengine.urls"
WSGI_APPLICATION = "textengine.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {"default": database(env.str("DATABASE_URL", "") or f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
# After five wrong passwords for a name, the address from which they came waits a quarter of an hour before the next.
# Others with that name do not, so that nobody can keep an editor from the brake. After fifty for whatever names it
# waits with all of them.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_HANDLER = "textengine.logins.Throttle"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "textengine.logins.client_address"
AXES_LOCKOUT_CALLABLE = "textengine.logins.locked_out"
# What was tried lies in the database until it no longer counts, without secrets, and no page shows it.
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "csrfmiddlewaretoken"]
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
# How many proxies of our own every request comes through: each adds to X-Forwarded-For from where it came.
PROXIES = count("PROXIES", 1) if env.str("PROXIES", "") not in ("", "0") else 0
# Whether every account needs a second factor, or may set one up.
SECOND_FACTOR = one_of("SECOND_FACTOR", "optional", "required")
OTP_TOTP_ISSUER = f"Text-Engine {PUBLIC_HOST}"

LANGUAGE_CODE = "en"
USE_TZ = True
FORMAT_MODULE_PATH = "textengine.formats"
# The newsroom's zone: where a reader's number does not say, and on the screens of the admin.
TIME_ZONE = env.str("TIME_ZONE", "") or "UTC"
if TIME_ZONE not in available_timezones():
    raise ImproperlyConfigured(f"TIME_ZONE is {TIME_ZONE!r}; set it to a name such as Europe/Berlin.")
NEWSROOM_ZONE = ZoneInfo(TIME_ZONE)

# In these hours at a reader's place, texts wait for the morning, unless their story has other quiet hours, or none.
QUIET_HOURS = quiet_hours("QUIET_HOURS", "21:00 to 8:00")

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# The admin's own pages and ours are few: found in place, they need no collectstatic before the first start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_URL = "/media/"
MEDIA_ROOT = BASE_DIR / (env.str("MEDIA_ROOT", "") or "media")
STORAGES = {
    # Where pictures are kept: any storage class of Django's kind, such as one of django-storages.
    "default": {
        "BACKEND": env.str("MEDIA_STORAGE", "") or "django.core.files.storage.FileSystemStorage",
        "OPTIONS": options("MEDIA_STORAGE_OPTIONS"),
    },
    # Where exports lie until they are fetched, a day at most. No address leads there: they have readers' numbers.
    "exports": {
        "BACKEND": env.str("EXPORT_STORAGE", "") or "django.core.files.storage.FileSystemStorage",
        "OPTIONS": options("EXPORT_STORAGE_OPTIONS")
        or {"location": BASE_DIR / (env.str("EXPORT_ROOT", "") or "exports"), "file_permissions_mode": 0o600},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Small copies of linked pictures, of up to half a megabyte each.
    "pictures": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "pictures",
        "OPTIONS": {"MAX_ENTRIES": 100},
    },
}
# Addresses and ports besides the public internet's that a picture's link may lead to: for tests, and for nothing else.
LINKS_MAY_ALSO_REACH: frozenset[tuple[str, int]] = frozenset()
# After how many days messages that nobody waits for any more are deleted; kept for ever unless set.
MESSAGE_RETENTION = days("MESSAGE_RETENTION_DAYS")
# A story of 200 texts sends about ten fields a text.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

PHONENUMBER_DB_FORMAT = "E164"
PHONENUMBER_DEFAULT_FORMAT = "E164"

# The session and CSRF cookies travel by TLS alone wherever the public address has it.
SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
# People are led to TLS, and their browsers stay with it for a year. The carrier is not: a redirect would lose its texts
# where a proxy does not say that it ended TLS. Nor is what looks whether this process lives.
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^twilio/", r"^(healthz|readyz)$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
# Which other hosts below this one need TLS is not ours to say (W005), nor whether browsers are to know by heart that
# this one does (W021).
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # data: for the small drawings inside Django's own style sheets, blob: for a picture just chosen.
        "img-src": [SELF, "data:", "blob:"],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "base-uri": [SELF],
        "object-src": [NONE],
    }
}

# Who may read /metrics: whoever brings this token; nobody where none is set, and then nothing is counted.
METRICS_TOKEN = env.str("METRICS_TOKEN", "").strip()

# Seconds for one request to the carrier: to connect, and for the answer.
CARRIER_TIMEOUT = (5, 10)
# The cluster is only the muscle: the message rows say what is to be sent, and bring back whatever a task loses.
Q_CLUSTER = {
    "name": "textengine",
    "orm": "default",
    # Claims due messages whenever the cluster polls: the poll is the engine's clock.
    "broker_class": "textengine.broker.MessageBroker",
    # A claim looks ahead beyond the next poll, so that a shorter one would only cost more.
    "poll": 0.2,
    # A task holds its worker for the look-ahead and the carrier's latency, about half a second: others must be free
    # at the next polls. Two cores are kept busy by four.
    "workers": 4,
    # What waits inside the cluster is late, and dies with it.
    "queue_limit": 2,
    # How many tasks one look into the queue fetches: a claim makes eight at most, four that send and four that recover.
    "bulk": 10,
    # A task begins requests for five seconds, and each ends within CARRIER_TIMEOUT: one that is still there after
    # twenty hangs. `retry` is longer, so that no task is handed out twice while it runs.
    "timeout": 20,
    "retry": 30,
    # A task that fails three times is given up, and is kept for whoever looks into it.
    "max_attempts": 3,
    "ack_failures": False,
    # Successes are not kept: the messages say what was sent, and counting the kept ones costs a lock at every task.
    "save_limit": -1,
    # How soon a worker that died is replaced.
    "guard_cycle": 0.5,
    # After an outage the housekeeping runs once, and not for every day that was missed.
    "catch_up": False,
    # A new worker has to warm its connections again, so that they are replaced seldom.
    "recycle": 5000,
    "label": "Tasks",
}
# Which task follows when the texts of a story change: `stories` does not know who reads.
STORY_REVISED_TASK = "subscribers.tasks.follow_story"

# Where errors are told, to Sentry or to whatever else speaks its protocol; empty: nowhere.
SENTRY_DSN = dsn("SENTRY_DSN")

LOG_FORMAT = one_of("LOG_FORMAT", "lines", "json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "textengine.logs.Lines"}, "json": {"()": "textengine.logs.Json"}},
    "filters": {
        "no_error_if_theirs": {"()": "textengine.logs.NoErrorIfTheirs"},
        "traced": {"()": "textengine.logs.Traced"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["no_error_if_theirs", "traced"],
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        # Django brings a handler of its own along, so that every line would come twice.
        "django": {"level": "WARNING", "handlers": ["console"], "propagate": False},
        "textengine": {"level": "INFO"},
        "stories": {"level": "INFO"},
        "subscribers": {"level": "INFO"},
        # At INFO the cluster tells of every task, and the Twilio library of every body and number.
        "django-q": {"level": "WARNING", "handlers": ["console"], "propagate": False},
        "twilio": {"level": "WARNING"},
    },
}
