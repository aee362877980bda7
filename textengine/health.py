"""Whether this process is alive, and whether the installation can do its work."""

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from subscribers.state import troubles

from .database import unapplied

# Set once all migrations have been seen applied, which stays so as long as this process runs: looking costs a tenth of
# a second, and anybody may ask.
migrated = False


def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives; the database is not asked."""
    return answer([])


def readyz(request: HttpRequest) -> HttpResponse:
    """The database answers, its tables are those of this code, and texts go out; 503 with the reasons otherwise."""
    try:
        reasons = behind() or list(troubles(timezone.now()))
    except DatabaseError:
        reasons = ["The database does not answer."]
    return answer(reasons)


def answer(reasons: list[str]) -> HttpResponse:
    status = "unready" if reasons else "ok"
    return JsonResponse({"status": status, "reasons": reasons}, status=503 if reasons else 200)


def behind() -> list[str]:
    global migrated
    if not migrated:
        migrated = not unapplied()
    return [] if migrated else ["Migrations are not applied: run manage.py migrate."]
