"""The drill: an installation is lost in the middle of a story, and becomes a new one of its last backup.

Leases run out in it, and the clusters of two installations start: `make test-slow` runs it.
"""

import json

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from stories.tests.factory import make_story
from subscribers.models import Message

from .copies import ask
from .processes import Processes, wait_until
from .readers import assert_each_got, explained, phones, text_in

TEXTS = [f"Text {number}" for number in range(1, 7)]
# Rows of tables that say what the cluster does at this moment, and of the brake with which a copy begins.
NOT_COMPARED = ["django_q", "sessions", "contenttypes", "subscribers.hold"]
RELEASE = (
    "from django.utils import timezone; from subscribers import holds; from subscribers.models import Hold; "
    "holds.release(Hold.objects.active().get(story=None), timezone.now())"
)


def rows(processes: Processes, **copy: str) -> list[dict]:
    """Return the rows of the installation, or of the copy that these settings name."""
    excluded = [f"--exclude={name}" for name in NOT_COMPARED]
    return json.loads(processes.manage("dumpdata", *excluded, **copy))


def kill_in_the_middle(processes: Processes) -> None:
    """Kill the worker while requests of its are under way, before a callback tells of them; stop the web server."""
    under_way = Message.objects.filter(status=Message.Status.SENDING).exclude(begun_at=None)
    processes.sandbox.faults({"latency": 0.5, "callback-late": 2})
    wait_until(lambda: Message.objects.exclude(sent_at=None).count() > 5 and under_way.exists(), 30)
    processes.kill("worker")
    processes.stop("web")
    processes.sandbox.faults({})
    assert under_way.exists()


def wait_for_a_beat(url: str) -> None:
    """Wait until the copy's worker has told of itself once more."""
    latest = "SELECT max(seen_at) FROM subscribers_heartbeat"
    before = ask(url, latest)
    wait_until(lambda: ask(url, latest) != before, 60, pause=0.2)


@pytest.mark.slow
def test_a_copy_has_the_same_rows_and_texts_nobody_until_it_is_released_and_then_each_once(
    processes,
    copy_url,
    tmp_path_factory,
):
    folder = tmp_path_factory.mktemp("backups")
    archive, media = folder / "backup.tar.gz", folder / "media"
    copy = {"DATABASE_URL": copy_url, "MEDIA_ROOT": str(media)}
    default_storage.save("pictures/river.gif", ContentFile(b"GIF89a"))
    make_story(keyword="river", texts=[(text, 1) for text in TEXTS])
    readers, late = phones(12), "+14155551000"
    with explained(processes):
        text_in(processes.sandbox, readers[:6])
        # The others are to be at another place of the story than these.
        wait_until(Message.objects.filter(step=2).exclude(sent_at=None).exists, 30)
        text_in(processes.sandbox, readers[6:])
        kill_in_the_middle(processes)
        before = rows(processes)
        assert "the database and 1 picture, " in processes.manage("backup", str(archive))
        # The installation goes on after its last backup: one more reader comes, and one stops.
        processes.start("web")
        wait_until(processes.answers, 20)
        processes.start("worker")
        text_in(processes.sandbox, [late])
        processes.sandbox.text(readers[0], "STOP")
        wait_until(lambda: len(processes.sandbox.received(late)) == 2, 60)
        stopped = processes.sandbox.received(readers[0])
        processes.kill("worker")
        processes.stop("web")
        sent = processes.sandbox.count()

        assert "on hold" in processes.manage("restore", str(archive), **copy)
        assert rows(processes, **copy) == before
        assert (media / "pictures/river.gif").read_bytes() == b"GIF89a"
        [(reason,)] = ask(copy_url, "SELECT reason FROM subscribers_hold WHERE released_at IS NULL")
        assert reason.startswith("Restored on ")
        assert "Took in 2 texts" in processes.manage("catchup", **copy)

        processes.database_url, processes.media_root = copy_url, media
        processes.start("web")
        processes.start("worker")
        waiting = "SELECT count(*) FROM subscribers_message WHERE status IN ('sending', 'scheduled')"
        wait_until(lambda: ask(copy_url, waiting) == [(0,)], 90, lambda: str(ask(copy_url, waiting)), pause=0.2)
        # Between two beats lies a poll that has ended, and would have taken what is due.
        for _ in range(2):
            wait_for_a_beat(copy_url)
        assert processes.sandbox.count() == sent

        processes.manage("shell", "-c", RELEASE, **copy)
        completed = "SELECT count(*) FROM subscribers_enrollment WHERE status = 'completed'"
        wait_until(lambda: ask(copy_url, completed) == [(12,)], 60, lambda: str(ask(copy_url, completed)), pause=0.2)
        assert_each_got(processes.sandbox, [*readers[1:], late], TEXTS)
        assert processes.sandbox.received(readers[0]) == stopped
        assert processes.stop("worker") == 0
