"""How long the newsroom's pages take with very many readers: `python -m bench.pages`, on the database of DATABASE_URL.

It makes the readers if there are none (manage.py makereaders), opens each page several times through Django's test
client, and prints how long it took in the middle, and how many queries it asked.
"""

import argparse
import os
import time
from datetime import timedelta
from statistics import median
from urllib.parse import urlencode

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "textengine.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, reset_queries  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import reverse  # noqa: E402
from django.utils import timezone  # noqa: E402

from stories.models import Story  # noqa: E402
from subscribers.funnel import tallies  # noqa: E402
from subscribers.models import Enrollment, Message, Tally  # noqa: E402

ENDED = ("completed", "stopped", "failed")
NAME = "bench-pages"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pages")
    parser.add_argument("--enrollments", type=int, default=1_000_000)
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=5, help="how often each page is opened, after a first time")
    options = parser.parse_args()
    if not Enrollment.objects.exists():
        call_command("makereaders", options.enrollments, messages=options.messages)
    editor, _ = User.objects.get_or_create(username=NAME, is_staff=True, is_superuser=True)
    try:
        client = Client(SERVER_NAME="localhost")
        client.force_login(editor)
        for story in Story.objects.order_by("pk"):
            print(counted(story))
        print("\n| page | ms | queries |\n| --- | ---: | ---: |")
        for words, address in pages():
            print("| {} | {:.0f} | {} |".format(words, *opened(client, address, options.times)), flush=True)
    finally:
        editor.delete()


def counted(story: Story) -> str:
    """Count the readers of a story as the cluster does, and say how long that took."""
    began, tasks = time.monotonic(), 0
    tally = Tally.objects.get_or_create(story=story)[0]
    if tallies.has_many(story.pk) and tallies.claim(tally, timezone.now()):
        more = True
        while more:
            more, tasks = tallies.go_on(story, timezone.now()), tasks + 1
    joined = story.enrollments.readers().count()
    return f"{story}: {joined:,} readers counted in {time.monotonic() - began:.1f} s, by {tasks} tasks."


def opened(client: Client, address: str, times: int) -> tuple[float, int]:
    """Return how many milliseconds this page takes, and how many queries."""
    took = []
    for _ in range(times + 1):
        reset_queries()
        with CaptureQueriesContext(connection) as captured:
            began = time.perf_counter()
            response = client.get(address)
            took.append(time.perf_counter() - began)
        if response.status_code != 200:
            raise RuntimeError(f"{address} was answered with {response.status_code}.")
    return median(took[1:]) * 1000, len(captured)


def pages() -> list[tuple[str, str]]:
    """Return the pages that are opened, each in words and by its address."""
    desk = [("Today", reverse("admin:index")), ("The reply desk", list_of("remark"))]
    return [*desk, *passages(), *messages(), *readers(), *funnels()]


def list_of(model: str) -> str:
    return reverse(f"admin:subscribers_{model}_changelist")


def searches(words: str, address: str) -> list[tuple[str, str]]:
    number = str(Enrollment.objects.order_by("pk")[:1].get().subscriber.phone_number)
    return [
        (f"{words}: a number", f"{address}?q={number[1:]}"),
        (f"{words}: four digits", f"{address}?q={number[-4:]}"),
        (f"{words}: a number that nobody has", f"{address}?q=4930901820123"),
    ]


def passages() -> list[tuple[str, str]]:
    address, stories = list_of("enrollment"), list(Story.objects.order_by("pk"))
    middle = Enrollment.objects.order_by("-created_at", "-pk")[500_000:500_001].first()
    before = urlencode({"before": f"{middle.created_at.isoformat()}~{middle.pk}"}) if middle else ""
    of_story = f"{address}?story__id__exact={stories[0].pk}"
    return [
        ("Enrollments", address),
        ("Enrollments: page 20", f"{address}?p=20"),
        ("Enrollments: half a million farther down", f"{address}?{before}"),
        *((f"Enrollments: {status}", f"{address}?status__exact={status}") for status in Enrollment.Status.values),
        ("Enrollments: of one story", of_story),
        *((f"Enrollments: of one story, {status}", f"{of_story}&status__exact={status}") for status in Enrollment.LIVE),
        *((f"Enrollments: late by a {late}", f"{address}?late={late}") for late in ("minute", "hour")),
        *((f"Enrollments: {far} texts sent", f"{address}?far={far}") for far in ("0", "1", "2-5", "6-10")),
        ("Enrollments: more than 10 texts sent", f"{address}?far=11"),
        *(
            (f"Enrollments: of “{story}”, more than 10 texts sent", f"{address}?far=11&story__id__exact={story.pk}")
            for story in stories
        ),
        *((f"Enrollments: {status}, 1 text sent", f"{address}?far=1&status__exact={status}") for status in ENDED),
        ("Enrollments: more than 10 texts sent, heard today", f"{address}?far=11&heard=day"),
        *((f"Enrollments: heard, {heard}", f"{address}?heard={heard}") for heard in ("day", "week", "longer")),
        ("Enrollments: rehearsals", f"{address}?who=others"),
        *searches("Enrollments", address),
    ]


def messages() -> list[tuple[str, str]]:
    address, story = list_of("message"), Story.objects.order_by("pk").first()
    sid = Message.objects.exclude(sid=None).order_by("pk")[:1].get().sid
    return [
        ("Messages", address),
        ("Messages: page 20", f"{address}?p=20"),
        *((f"Messages: {status}", f"{address}?status={status}") for status in Message.Status.values),
        *((f"Messages: {way}", f"{address}?direction={way}") for way in Message.Direction.values),
        ("Messages: that did not arrive", f"{address}?status=lost"),
        *(
            (f"Messages: that did not arrive, past {time}", f"{address}?status=lost&time={time}")
            for time in ("hour", "day")
        ),
        ("Messages: today", f"{address}?time=today"),
        ("Messages: of one story", f"{address}?story__id__exact={story.pk}"),
        ("Messages: with a word", f"{address}?q=street"),
        ("Messages: a SID", f"{address}?q={sid}"),
        *searches("Messages", address),
    ]


def readers() -> list[tuple[str, str]]:
    address, story = list_of("subscriber"), Story.objects.order_by("pk").first()
    return [
        ("Subscribers", address),
        ("Subscribers: page 20", f"{address}?p=20"),
        ("Subscribers: opted out", f"{address}?opted_out_at__isempty=0"),
        ("Subscribers: of one story", f"{address}?enrollments__story__id__exact={story.pk}"),
        ("Subscribers: heard today", f"{address}?heard=day"),
        *searches("Subscribers", address),
    ]


def funnels() -> list[tuple[str, str]]:
    first, last = Story.objects.order_by("pk").first(), Story.objects.order_by("pk").last()
    address, day = reverse("story-readers", args=[first.pk]), timezone.localdate() - timedelta(days=9)
    return [
        ("A story’s readers", address),
        ("A story’s readers of nine days", f"{address}?since={day}"),
        ("A story’s readers, before and from a day on", f"{address}?beside=day&split={day}"),
        ("Two stories’ readers", f"{address}?beside=story-{last.pk}"),
    ]


if __name__ == "__main__":
    main()
