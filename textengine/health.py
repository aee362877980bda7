"""Whether this process is alive, and whether it can do its work."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse


def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives; the database is not asked."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """The database answers, and its tables are those of this code; 503 with the reasons otherwise."""
    reasons = []
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            reasons.append("Migrations are not applied: run manage.py migrate.")
    except DatabaseError:
        reasons.append("The database does not answer.")
    return JsonResponse({"status": "unready" if reasons else "ok", "reasons": reasons}, status=503 if reasons else 200)
