"""Settings. What a lab may differ in is an environment variable, listed in docs/operations.md."""

import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from labdb import postgres
from labdb.environment import (
    SettingError,
    code_pattern,
    machine_memory_mb,
    machine_zone,
    names,
    seconds_by_name,
    time_of_day,
    time_zone,
    whole_number,
)

CHECKOUT = Path(__file__).resolve().parent.parent
ENVIRON = os.environ
DATA_DIR = postgres.data_folder()
GIT_LIMIT_S = 5  # it answers within 20 ms; a share that hangs must not keep labdb from starting


def _secret_key() -> str:
    """Return the installation's own key, made once and kept beside its data."""
    if key := ENVIRON.get("SECRET_KEY"):
        return key
    path = DATA_DIR / "secret_key"
    if not path.exists():
        draft = DATA_DIR / f"secret_key.{os.getpid()}"
        try:
            DATA_DIR.mkdir(parents=True, exist_ok=True)
            draft.write_text(secrets.token_urlsafe(50))
            draft.chmod(0o600)
        except OSError as error:
            raise SettingError(
                f"The data folder {DATA_DIR} cannot be written: {error.strerror}. "
                "Name a folder of your own by LABDB_DATA_DIR."
            ) from None
        try:
            os.link(draft, path)  # only one of several starters wins; the others read its key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


def _code_version() -> str:
    """Return the commit that runs, with `+changes` when the checkout differs from it; every run records it."""
    if version := ENVIRON.get("LABDB_CODE_VERSION"):
        return version
    # No optional locks: a person may be committing meanwhile. No folder above: its repository is not ours.
    asked = ["git", "--no-optional-locks", "-C", str(CHECKOUT), "describe", "--always", "--exclude=*", "--abbrev=12"]
    environment = {**ENVIRON, "GIT_CEILING_DIRECTORIES": str(CHECKOUT.parent)}
    try:
        said = subprocess.run(
            [*asked, "--dirty=+changes"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=GIT_LIMIT_S,
        )
    except (OSError, subprocess.SubprocessError):  # no git, no repository, or one that belongs to another user
        return "unknown"
    return said.stdout.strip()


LABDB_VERSION = "0.1.0"
CODE_VERSION = _code_version()
SECRET_KEY = _secret_key()
DEBUG = ENVIRON.get("DEBUG") == "1"
TLS = ENVIRON.get("TLS") == "1"  # served behind https: cookies only there, and browsers are told to stay there

ALLOWED_HOSTS = ENVIRON.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in ENVIRON.get("CSRF_TRUSTED_ORIGINS", "").split(",") if origin]

# One room per step of the experiment, in its order.
ROOMS = [
    "labdb.registry",
    "labdb.accounts",
    "labdb.colony",
    "labdb.defeat",
    "labdb.behavior",
    "labdb.treatment",
    "labdb.tissue",
    "labdb.sequencing",
    "analysis",
    "labdb.desk",
    "labdb.demo",
]
INSTALLED_APPS = [
    *ROOMS,
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",  # its table held the tokens until accounts.0003 took them over, hashed
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "djangoql",
    "pgtrigger",
    "pghistory",
    "django_q",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "labdb.registry.history.HistoryMiddleware",
    "labdb.registry.lab_fields.read_once_per_request",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "labdb.accounts.must_change.MustChangePassword",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [CHECKOUT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "labdb.accounts.navigation.people_link",
                "analysis.notice_views.bell",
                "labdb.desk.status_page.status_link",
                "labdb.registry.lab_clock.clock",
            ],
        },
    },
]
ROOT_URLCONF = "labdb.urls"
WSGI_APPLICATION = "labdb.wsgi.application"

DATABASES: dict[str, dict[str, Any]] = {
    # Not psycopg's pool: forked task workers would share it, and their tasks never run.
    "default": {**postgres.database_settings(ENVIRON), "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
}
# How PostgreSQL lists the connections of workers, with their queue and host: with these they are alive.
WORKERS_APPLICATION = "labdb workers"
SHORT_QUEUE, LONG_QUEUE = "labdb", "labdb-long"  # the first one's name signs all messages, too
_QUEUE = "long" if ENVIRON.get("Q_CLUSTER_NAME") == LONG_QUEUE else "short"
EXPORTS_APPLICATION = f"labdb exports@{socket.gethostname()}"[:63]
# Of each web process, and fewer than its threads (WEB_THREADS): the others are left to pages.
EXPORTS_AT_ONCE = whole_number("EXPORTS_AT_ONCE", 2)
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "application_name": (
        f"{f'{WORKERS_APPLICATION}, {_QUEUE}' if 'qcluster' in sys.argv[1:2] else 'labdb'}@{socket.gethostname()}"[:63]
    ),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["labdb.accounts.sign_in.AccountBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en-us"
TIME_ZONE = time_zone("TIME_ZONE", machine_zone())  # the lab's; instants are stored in UTC and shown in it
USE_I18N = False  # one language: the bench's words
USE_TZ = True
FORMAT_MODULE_PATH = "labdb.formats"  # Django no longer reads DATE_FORMAT from settings

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [CHECKOUT / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "labdb.front_end.VendorFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = DATA_DIR / "files"
BACKUP_DIR = ENVIRON.get("BACKUP_DIR", "")  # of backups by the clock; empty: `backups` in the data folder
ATTACHMENT_LIMIT_MB = whole_number("ATTACHMENT_LIMIT_MB", 100)
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
DATA_UPLOAD_MAX_MEMORY_SIZE = 200 * 2**20  # a count matrix by REST; larger ones go by `import_counts`
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],  # the admin, vega-embed and htmx write styles inline
        "img-src": ["'self'", "data:", "blob:"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'self'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS
SECURE_HSTS_SECONDS = 31_536_000 if TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TLS else None

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "labdb.accounts.rest_sign_in.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["labdb.accounts.rest_sign_in.SignedInWithinLimits"],
    "DEFAULT_THROTTLE_CLASSES": ["labdb.registry.throttles.AccountThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["labdb.registry.rest_json.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["labdb.registry.rest_json.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "labdb.registry.rest_answers.answer_error",
    "NON_FIELD_ERRORS_KEY": "__all__",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Of each web process, 0 for no limit. Ours: a page of rows takes some 20 ms, so that a script which waits for each answer
# stays below 3,000; more comes from many at once, or from a loop that nobody watches.
REST_REQUESTS_PER_MINUTE = {
    "anonymous": whole_number("REST_ANONYMOUS_PER_MINUTE", 600, least=0),
    "token": whole_number("REST_REQUESTS_PER_MINUTE", 6_000, least=0),
    "export": whole_number("REST_EXPORTS_PER_MINUTE", 600, least=0),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "labdb",
    "DESCRIPTION": "Records and results of a social-defeat, antidepressant and RNA-seq experiment.",
    "VERSION": LABDB_VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,  # ?fields= leaves columns out
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "labdb.registry.rest_schema.complete_schema",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# More is warned of. Common practice for mice, not a law: a lab sets its own.
IP_LIMIT_ML_PER_KG = whole_number("IP_LIMIT_ML_PER_KG", 10)
SYRINGE_STEP_UL = whole_number("SYRINGE_STEP_UL", 10)  # as a 1 ml syringe is marked; volumes are rounded to it
DOSE_MASS_AGE_H = whole_number("DOSE_MASS_AGE_H", 24)  # ours: a mouse is weighed on each day that it is dosed
DOSE_TIME = time_of_day("DOSE_TIME", "09:00")  # of parts of an arm that say none; ours, early in the light phase
# Of the body mass at baseline; the usual limit of protocols (a loss of 20 %). A study's own protocol decides.
HUMANE_ENDPOINT_PERCENT = whole_number("HUMANE_ENDPOINT_PERCENT", 80)
BOUT_STAGGER_S = whole_number("BOUT_STAGGER_S", 20, least=0)  # time to carry a mouse to the next cage; ours
# Hour 0 of the light cycle where a day of tests does not say another; a common schedule of animal houses, not a rule.
LIGHTS_ON = time_of_day("LIGHTS_ON", "07:00")
# What tubes are called at the dissection; ours. With both sides apart: {mouse}-{region}-{hemisphere}.
SAMPLE_CODE = code_pattern("SAMPLE_CODE", "{mouse}-{region}", ("mouse", "region"), ("hemisphere",))
# Of the samples of a track in which the mouse was not found; ours: beyond it a video is tracked again.
TRACK_MISSING_LIMIT_PERCENT = whole_number("TRACK_MISSING_LIMIT_PERCENT", 20)
# A mouse at 10 to 20 cm/s goes 5 to 10 cm meanwhile, no further than a corner is wide; ours.
TRACK_GAP_LIMIT_MS = whole_number("TRACK_GAP_LIMIT_MS", 500)
# A worker gives a sign of life nine times in this; a run without one for as long is taken up by another worker.
RUN_LOST_AFTER_S = whole_number("RUN_LOST_AFTER_S", 45)
ANALYSIS_TIMEOUT_S = whole_number("ANALYSIS_TIMEOUT_S", 3600)
ANALYSIS_TIMEOUTS_S = seconds_by_name("ANALYSIS_TIMEOUTS_S")  # of tasks that may take longer, or less
WORKERS = whole_number("WORKERS", 1)  # for long work
SHORT_WORKERS = whole_number("SHORT_WORKERS", 1)
# Seconds at most, and somebody waits for them at the page; what is not named here may take an hour and has other workers.
SHORT_TASKS = names("SHORT_TASKS", "phenotype,response")
WORKER_MEMORY_MB = whole_number("WORKER_MEMORY_MB", machine_memory_mb() // WORKERS, least=0)  # 0: no limit
Q_CLUSTER = {
    "name": SHORT_QUEUE,
    "ALT_CLUSTERS": {LONG_QUEUE: {"workers": WORKERS}},
    "orm": "default",
    "workers": SHORT_WORKERS,
    "queue_limit": 1,  # messages kept by busy workers, which an idle host could take
    "poll": 0.3,  # s: a queued run starts within this
    "timeout": ANALYSIS_TIMEOUT_S,
    # Longer than any timeout, or a task runs several times at once.
    "retry": max([ANALYSIS_TIMEOUT_S, *ANALYSIS_TIMEOUTS_S.values()]) + 600,
    "max_attempts": 3,
    "recycle": 20,  # tasks until a worker is replaced: memory given back to the machine
    "catch_up": False,
    "ack_failures": True,
    "save_limit": 1000,
}
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": ENVIRON.get("LOG_LEVEL", "WARNING")},
}
