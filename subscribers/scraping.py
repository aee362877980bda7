"""/metrics, as Prometheus reads it: what all processes have counted, and what the rows say at this moment.

Whichever process is asked gives the same figures for the whole installation, so that one of them is asked.
"""

import json
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from django_q.models import OrmQ
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from .metrics import REGISTRY, flushing
from .models import Heartbeat, Hold, Message, Sample
from .state import overdue_since

# From here on more is simply much: counting a million rows takes a tenth of a second.
COUNTED_MAX = 100_000


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Show the metrics to whoever brings METRICS_TOKEN; to nobody where it is not set."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse("The token is missing or wrong.\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    flushing.flush()
    shown = CollectorRegistry()
    shown.register(Counted())
    shown.register(Rows(timezone.now()))
    return HttpResponse(generate_latest(shown), content_type=CONTENT_TYPE_LATEST)


class Counted:
    """What all processes have counted together."""

    def collect(self) -> Iterator[Metric]:
        kept = {(name, labels): value for name, labels, value in Sample.objects.values_list("name", "labels", "value")}
        for own in REGISTRY.collect():
            metric = Metric(own.name, own.documentation, own.type)
            # In the order of this process, which has each series that others may have, but for rare ones.
            series = {(sample.name, json.dumps(sample.labels)): 0.0 for sample in own.samples}
            series |= {key: value for key, value in kept.items() if belongs(key[0], own)}
            for (name, labels), value in series.items():
                metric.add_sample(name, json.loads(labels), value)
            yield metric


def belongs(name: str, metric: Metric) -> bool:
    """Tell whether a sample of this name is one of this counter or histogram."""
    return name.removeprefix(metric.name) in ("_total", "_bucket", "_count", "_sum")


class Rows:
    """What the rows say: what waits, for how long, and whether somebody is there who sends it."""

    def __init__(self, now: datetime):
        self.now = now

    def collect(self) -> Iterator[Metric]:
        last = Heartbeat.objects.first()
        if last:
            yield gauge("worker_silent_seconds", "Since a worker was last heard of.", self.since(last.seen_at))
        yield gauge("workers", "Clusters that are alive.", Heartbeat.objects.alive(self.now).count())
        due = Message.objects.due(self.now)[:COUNTED_MAX].count()
        yield gauge("due_texts", f"Texts that are due and not claimed; {COUNTED_MAX} stands for more.", due)
        overdue = overdue_since(self.now, list(Hold.objects.active()))
        yield gauge(
            "overdue_seconds",
            "For how long the oldest text has been due that is late by a minute and not kept back on purpose.",
            self.since(overdue) if overdue else 0,
        )
        sending = Message.objects.filter(status=Message.Status.SENDING)[:COUNTED_MAX].count()
        yield gauge("sending_texts", "Texts that a worker has claimed, and whose end is not known yet.", sending)
        yield gauge("queued_tasks", "Tasks of the cluster that wait or run.", OrmQ.objects.count())
        yield self.holds()

    def since(self, moment: datetime) -> float:
        return max(0.0, (self.now - moment).total_seconds())

    def holds(self) -> Metric:
        counts = Hold.objects.active().aggregate(
            everything=Count("pk", filter=Q(story=None)), part=Count("pk", filter=~Q(story=None))
        )
        metric = GaugeMetricFamily("textengine_holds", "Brakes that are on, by what they cover.", labels=["covers"])
        for covers, count in counts.items():
            metric.add_metric([covers], count)
        return metric


def gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"textengine_{name}", documentation, value=value)
