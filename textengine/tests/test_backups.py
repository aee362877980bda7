"""What a backup has, and what becomes of it; test_restore_drill.py does the same to an installation that runs."""

import os
import re
import resource
import shlex
import socket
import subprocess
import sys
import sysconfig
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers.models import Hold, Message
from subscribers.tests.factory import make_enrollment
from textengine.backups import BackupError, archive, restoring
from textengine.backups.databases import FILES, dump

from .copies import ask, tables
from .databases import is_sqlite
from .processes import ROOT, url_of_database, wait_until

SYSTEMS_PYTHON = "/usr/bin/python3"
TAKEN_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEXT_ID = {
    "sqlite": "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'subscribers_message'",
    "postgresql": "SELECT nextval('subscribers_message_id_seq')",
}


def restore(path: Path, url: str, media: Path) -> subprocess.CompletedProcess:
    """Restore an archive to the database at `url`, as another installation."""
    return run("restore", path, url, media)


def run(
    command: str, path: Path, url: str, media: Path, python: str = sys.executable, **environment: str
) -> subprocess.CompletedProcess:
    """Run one of the two commands as another installation, whose database is at `url`."""
    environment = os.environ | {"DATABASE_URL": url, "MEDIA_ROOT": str(media)} | environment
    command = [python, "manage.py", command, str(path)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def rows(url: str) -> dict[str, list[tuple]]:
    """Return the rows of all tables but of holds; messages without their status."""
    found = tables(url)
    del found["subscribers_hold"], found["subscribers_message"]
    return found | {
        "messages": ask(url, "SELECT id, body, due_at, sid, media_urls FROM subscribers_message ORDER BY id")
    }


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_restored_copy_has_the_same_rows_and_pictures_and_begins_with_the_brake_on(
    copy_url,
    tmp_path_factory,
):
    folder = tmp_path_factory.mktemp("backups")
    path, media = folder / "backup.tar.gz", folder / "media"
    default_storage.save("pictures/river.gif", ContentFile(b"GIF89a"))
    story = make_story(keyword="river", texts=[("Ünïted 🌊", 0), ("Two", 60)])
    for _ in range(3):
        make_enrollment(story=story)
    Hold.objects.create(story=story, reason="A wrong name.")
    Message.objects.filter(pk=Message.objects.earliest("pk").pk).update(status=Message.Status.HELD)
    before, last = rows(url_of_database()), Message.objects.latest("pk").pk
    call_command("backup", str(path))
    assert path.stat().st_mode & 0o777 == 0o600

    said = restore(path, copy_url, media)
    assert (said.returncode, said.stderr) == (0, "")
    assert re.match(
        r"Restored the backup of \d\d \w+ \d{4}, \d\d:\d\d\. Everything is on hold: nobody is texted\.", said.stdout
    )
    assert rows(copy_url) == before
    assert (media / "pictures/river.gif").read_bytes() == b"GIF89a"
    # Whatever waits is asked for at the carrier first, also what another hold kept back.
    assert {status for (status,) in ask(copy_url, "SELECT status FROM subscribers_message")} == {"scheduled"}
    holds = ask(copy_url, "SELECT story_id, reason FROM subscribers_hold WHERE released_at IS NULL ORDER BY id")
    assert holds[0] == (story.pk, "A wrong name.")
    assert holds[1][0] is None
    assert re.match(
        r"Restored on .* from the backup of .*\. The old installation must not run any more when", holds[1][1]
    )
    assert ask(copy_url, NEXT_ID[connection.vendor])[0][0] > last + 1_000_000

    again = restore(path, copy_url, media)
    assert again.returncode == 1
    assert again.stderr.startswith("CommandError: The database of DATABASE_URL is in use")


def is_older(python: str) -> bool:
    """Tell whether this is a Python that can use the libraries of this one, and is an earlier release of it."""
    version = [python, "-c", "import sys; print(*sys.version_info[:3])"]
    try:
        found = subprocess.run(version, capture_output=True, text=True, check=True).stdout
    except OSError:
        return False
    *minor, micro = map(int, found.split())
    return tuple(minor) == sys.version_info[:2] and micro < sys.version_info[2]


@pytest.mark.once
@pytest.mark.skipif(not is_older(SYSTEMS_PYTHON), reason="The system has no earlier release of this Python.")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_systems_own_python_takes_a_backup_and_restores_it(copy_url, tmp_path_factory):
    folder = tmp_path_factory.mktemp("backups")
    path, media = folder / "backup.tar.gz", folder / "media"
    make_enrollment(story=make_story(keyword="river"))
    default_storage.save("pictures/river.gif", ContentFile(b"GIF89a"))
    older = {"python": SYSTEMS_PYTHON, "PYTHONPATH": sysconfig.get_path("purelib")}
    for command, url, pictures in (
        ("backup", url_of_database(), default_storage.location),
        ("restore", copy_url, media),
    ):
        said = run(command, path, url, pictures, **older)
        assert (said.returncode, said.stderr) == (0, "")
    assert rows(copy_url) == rows(url_of_database())
    assert (media / "pictures/river.gif").read_bytes() == b"GIF89a"


@pytest.mark.django_db(transaction=True)
def test_a_restore_that_fails_leaves_nothing_behind(copy_url, tmp_path):
    path = tmp_path / "backup.tar.gz"
    with archive.written(path, TAKEN_AT.timestamp()) as writer:
        for name in ("media/pictures/river.gif", FILES[connection.vendor]):
            writer.add(name, BytesIO(b"GIF89a"), 6)
        writer.finish({"taken_at": TAKEN_AT.isoformat(), "database": connection.vendor, "migrations": []})
    said = restore(path, copy_url, tmp_path / "kept" / "media")
    assert said.returncode == 1
    assert said.stderr.startswith("CommandError: ")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.django_db(transaction=True)
def test_a_folder_that_cannot_take_the_pictures_is_named(copy_url, tmp_path):
    path = tmp_path / "backup.tar.gz"
    with archive.written(path, TAKEN_AT.timestamp()) as writer:
        writer.add("media/river.gif", BytesIO(b"GIF89a"), 6)
        writer.finish({"taken_at": TAKEN_AT.isoformat(), "database": connection.vendor, "migrations": []})
    said = restore(path, copy_url, Path("/proc/pictures"))
    assert said.stderr.startswith("CommandError: The backup cannot be unpacked (")
    assert "/proc/pictures" in said.stderr


def put_on(script: str) -> None:
    with connection.cursor() as cursor:
        for statement in filter(str.strip, script.split(";\n")):
            cursor.execute(statement)


def brake(now: datetime, taken_at: datetime = TAKEN_AT) -> str:
    return restoring.brake({"taken_at": taken_at.isoformat()}, now)


@pytest.mark.django_db
def test_a_brake_that_was_on_before_stays_on_with_its_reason():
    now = timezone.now()
    hold = Hold.objects.create(reason="The editor's word.")
    put_on(brake(now))
    [found] = Hold.objects.active()
    assert (found.pk, found.created_at) == (hold.pk, hold.created_at)
    assert found.reason.endswith(" not sent again. It was on before: The editor's word.")
    assert (found.asks_since, found.asks_until) == (TAKEN_AT, now)


@pytest.mark.django_db
def test_a_copy_of_a_copy_goes_on_asking_for_what_the_first_has_not_asked_for_yet():
    now = timezone.now()
    put_on(brake(now - timedelta(hours=1)))
    assert Hold.objects.last_restored().asks_since == TAKEN_AT
    later = now - timedelta(minutes=30)
    make_enrollment(story=make_story())
    Message.objects.update(due_at=now + timedelta(minutes=1))
    put_on(brake(now, taken_at=later))
    assert Hold.objects.last_restored().asks_since == later
    # What fell due since the first was restored, and since it was released, if it is.
    for due_at, released_at in ((now - timedelta(minutes=10), None), (now - timedelta(hours=2), now)):
        Message.objects.update(due_at=due_at)
        Hold.objects.all().delete()
        Hold.objects.create(
            reason="Restored.",
            asks_since=TAKEN_AT,
            asks_until=now - timedelta(hours=1),
            released_at=released_at,
        )
        put_on(brake(now, taken_at=later))
        assert Hold.objects.last_restored().asks_since == TAKEN_AT


def refused(command: str, *arguments) -> str:
    with pytest.raises(CommandError) as refusal:
        call_command(command, *map(str, arguments))
    return str(refusal.value)


def write(path: Path, **facts) -> Path:
    with archive.written(path, TAKEN_AT.timestamp()) as writer:
        writer.finish({"taken_at": TAKEN_AT.isoformat(), "database": connection.vendor, "migrations": []} | facts)
    return path


def test_what_is_no_whole_backup_is_refused(tmp_path):
    path = write(tmp_path / "backup.tar.gz")
    whole = path.read_bytes()
    for number, (content, words) in enumerate(
        [
            (whole[: len(whole) // 2], "is damaged or cut off"),
            (whole[:40] + bytes([whole[40] ^ 255]) + whole[41:], "is damaged or cut off"),
            (b"no archive", "is damaged or cut off, or no backup"),
            (b"", "is damaged or cut off, or no backup"),
        ]
    ):
        damaged = tmp_path / f"{number}.tar.gz"
        damaged.write_bytes(content)
        assert words in refused("restore", damaged)
    assert "cannot be read: No such file" in refused("restore", tmp_path / "none.tar.gz")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"database": "oracle"}, "This is a backup of oracle, and DATABASE_URL names"),
        ({"migrations": ["stories.9999_later"]}, "of a later version, which has stories.9999_later; install that"),
        ({"format": 2}, "is of a format that this version cannot read"),
    ],
)
def test_a_backup_that_does_not_fit_is_refused(tmp_path, facts, words):
    assert words in refused("restore", write(tmp_path / "backup.tar.gz", **facts))


def test_nothing_is_written_over_a_backup_nor_among_the_pictures(tmp_path, settings):
    path = write(tmp_path / "backup.tar.gz")
    content = path.read_bytes()
    settings.MEDIA_ROOT = tmp_path / "media"
    assert "is there already; choose another name." in refused("backup", path)
    assert "is in the folder of pictures" in refused("backup", settings.MEDIA_ROOT / "backup.tar.gz")
    assert path.read_bytes() == content


def link_to_itself() -> None:
    Path("river.gif").symlink_to("river.gif")


def socket_file() -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("river.gif")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (link_to_itself, "The pictures cannot be listed: Too many levels of symbolic links."),
        (socket_file, "The picture river.gif cannot be read: No such device or address."),
    ],
)
def test_pictures_that_cannot_be_read_are_said_to_be_and_no_backup_is_left(
    tmp_path, settings, monkeypatch, make, words
):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    monkeypatch.chdir(settings.MEDIA_ROOT)
    make()
    assert refused("backup", tmp_path / "backup.tar.gz") == words
    assert list(tmp_path.iterdir()) == [settings.MEDIA_ROOT]


@pytest.fixture
def under_way(tmp_path, settings):
    """A backup that has begun, as a process, and goes on no farther than to a picture that never ends."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    os.mkfifo(settings.MEDIA_ROOT / "river.gif")
    environment = os.environ | {"DATABASE_URL": url_of_database(), "MEDIA_ROOT": str(settings.MEDIA_ROOT)}
    command = [sys.executable, "manage.py", "backup", str(tmp_path / "killed.tar.gz")]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        wait_until(lambda: list(tmp_path.glob(".textengine-backup-*/archive.tar.gz")), 60)
        yield process
        process.kill()


def begin_another(folder: Path) -> None:
    with archive.written(folder / "another.tar.gz", TAKEN_AT.timestamp()):
        pass
    (folder / "another.tar.gz").unlink()


def end_the_unit(folder: Path) -> None:
    unit = (ROOT / "deploy/systemd/textengine-backup.service").read_text()
    command = shlex.split(re.search(r"^ExecStopPost=(.*)$", unit, re.MULTILINE)[1])
    subprocess.run(command, env=os.environ | {"BACKUPS": str(folder)}, check=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("clean_up", [begin_another, end_the_unit])
def test_what_a_killed_backup_left_is_taken_away_and_what_goes_on_is_left_alone(under_way, tmp_path, clean_up):
    kept = {path.name for path in tmp_path.iterdir()}
    [folder] = tmp_path.glob(".textengine-backup-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    clean_up(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept
    under_way.kill()
    under_way.wait()
    assert (folder / "archive.tar.gz").exists()
    clean_up(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept - {folder.name}


def test_what_has_come_meanwhile_by_the_same_name_is_not_written_over(tmp_path):
    path = tmp_path / "backup.tar.gz"
    refusal = pytest.raises(BackupError, match="is there already; choose another name")
    with refusal, archive.written(path, TAKEN_AT.timestamp()):
        path.write_text("Another one")
    assert path.read_text() == "Another one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_fault_elsewhere_is_not_taken_for_one_of_the_backups_place(tmp_path):
    with pytest.raises(ConnectionResetError), archive.written(tmp_path / "backup.tar.gz", TAKEN_AT.timestamp()):
        raise ConnectionResetError
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_is_said_to_be(tmp_path):
    path, size = tmp_path / "backup.tar.gz", 200_000
    allowed, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    refusal = pytest.raises(BackupError, match="cannot be written: File too large")
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, most))
    try:
        with refusal, archive.written(path, TAKEN_AT.timestamp()) as writer:
            writer.add("noise", BytesIO(os.urandom(size)), size)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (allowed, most))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_a_database_without_tables_is_no_installation_to_take_a_backup_of(copy_url, tmp_path):
    ended = run("backup", tmp_path / "backup.tar.gz", copy_url, tmp_path / "media")
    assert ended.returncode == 1
    assert ended.stderr.startswith("CommandError: The database of DATABASE_URL has no tables; set DATABASE_URL to")
    assert not (tmp_path / "backup.tar.gz").exists()


@pytest.mark.skipif(not is_sqlite(), reason="PostgreSQL's own program says so.")
def test_rows_that_cannot_be_copied_are_said_to_be(tmp_path):
    with pytest.raises(BackupError, match=r"cannot be copied to .*/nowhere \(unable to open database file\)"):
        dump(tmp_path / "nowhere" / "database.sqlite3")
