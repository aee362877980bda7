"""Exports: what is in them, who gets them, and what a spreadsheet makes of them."""

import csv
import io
import re
import tracemalloc
import zipfile
from datetime import timedelta
from io import StringIO
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from stories.models import Story
from stories.tests.factory import make_story
from subscribers import tasks
from subscribers.exporting import files, making, rows
from subscribers.funnel import tallies
from subscribers.models import Access, Consent, Enrollment, Export, Message, OwnPhone, Subscriber

from .factory import make_account, make_enrollment, make_inbound, make_message, make_subscriber

pytestmark = pytest.mark.django_db

ADD = reverse("admin:subscribers_export_add")
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("http://example.org")']


@pytest.fixture(autouse=True)
def export_folder(settings, tmp_path):
    folder = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "exports"}}
    settings.STORAGES = settings.STORAGES | {"exports": folder}
    return tmp_path / "exports"


def asked(client, what: str, suffix: str = "csv", **fields) -> bytes:
    """Return the file that comes at once."""
    response = client.post(ADD, {"what": what, "suffix": suffix, **fields})
    assert response.status_code == 200
    assert response.streaming, response.content.decode()
    return response.getvalue()


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def cells(content: bytes) -> list[list[tuple[str, str]]]:
    """Return the type and the text of each cell of a workbook's first sheet."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314
    assert not list(sheet.iter(f"{SHEET}f"))
    found = []
    for row in sheet.iter(f"{SHEET}row"):
        by_column = {column_of(cell): (cell.get("t", "n"), "".join(cell.itertext())) for cell in row.iter(f"{SHEET}c")}
        found.append([by_column.get(column, ("", "")) for column in range(max(by_column) + 1)])
    return found


def column_of(cell: ElementTree.Element) -> int:
    return ord(re.match("[A-Z]+", cell.get("r"))[0]) - ord("A")


def make_large(monkeypatch) -> None:
    monkeypatch.setattr(making, "SMALL", 0)


def large(client, what: str = "messages", suffix: str = "csv", **fields) -> Export:
    client.post(ADD, {"what": what, "suffix": suffix, **fields})
    return Export.objects.first()


def content_of(client, export: Export) -> bytes:
    return client.get(reverse("admin:subscribers_export_file", args=[export.pk])).getvalue()


def test_readers_are_exported_masked_with_what_each_reads(log_in):
    client, story = log_in("Editors"), make_story(title="The River")
    reading = make_enrollment(make_subscriber("+12125550142", time_zone="Asia/Tokyo"), story, sent=1)
    make_enrollment(reading.subscriber, make_story(title="The Bus"), sent=2)
    Consent.objects.create(subscriber=reading.subscriber, how="form", given_on="2026-11-01", taken_by="Ada")
    [row] = table(asked(client, "readers"))
    assert (row["reader"], row["number"], row["time zone"]) == (str(reading.subscriber_id), "+1 … 42", "Asia/Tokyo")
    assert (row["reading"], row["finished"], row["stopped or failed"]) == ("The River", "The Bus", "")
    assert row["consent"] == "1 Nov 2026: form (taken by Ada)"


@pytest.mark.parametrize(("group", "number"), [("Desk chiefs", "+12125550142"), ("Editors", "+1 … 42")])
@pytest.mark.parametrize("what", ["readers", "messages"])
def test_whole_numbers_are_for_those_who_may_see_them(log_in, group, number, what):
    make_enrollment(make_subscriber("+12125550142"))
    found = table(asked(log_in(group), what, whole_numbers="on"))
    assert {row["number"] for row in found} == {number}
    assert ("with whole numbers" in Access.objects.get().about) == (group == "Desk chiefs")


def test_a_desk_chief_gets_masked_numbers_unless_others_are_asked_for(log_in):
    make_subscriber("+12125550142")
    assert table(asked(log_in("Desk chiefs"), "readers"))[0]["number"] == "+1 … 42"


def test_messages_are_exported_as_they_were_sent_or_will_be(log_in):
    enrollment = make_enrollment(story=make_story([("One", 0), ("Two", 60)], title="The River"), sent=1)
    make_inbound(enrollment.subscriber, "Größe, “quoted”\nin two lines")
    own = OwnPhone.objects.create(user=User.objects.create_user("jo"))
    own.take_code("123456", make_message(enrollment, body="Your code is 123456"), timezone.now())
    own.save()
    found = table(asked(log_in("Editors"), "messages"))
    assert [(row["direction"], row["status"], row["words"]) for row in found] == [
        ("To the reader", "Delivered", "One"),
        ("To the reader", "Scheduled", "Two"),
        ("From the reader", "Received", "Größe, “quoted”\nin two lines"),
    ]
    assert (found[0]["story"], found[0]["text"]) == ("The River", "1")


def test_an_export_is_of_one_story_and_of_some_days(log_in):
    client, river = log_in("Editors"), make_story(title="The River")
    first, second = make_enrollment(story=river), make_enrollment(story=river)
    make_enrollment()
    long_ago = timezone.now() - timedelta(days=40)
    Message.objects.filter(enrollment=first).update(created_at=long_ago)
    Subscriber.objects.filter(pk=first.subscriber_id).update(created_at=long_ago)
    assert len(table(asked(client, "messages", story=river.pk))) == 2
    day = f"{long_ago:%Y-%m-%d}"
    for what, ids in (("messages", [first.messages.get().pk]), ("readers", [first.subscriber_id])):
        found = table(asked(client, what, story=river.pk, until=day))
        assert [int(row["message" if what == "messages" else "reader"]) for row in found] == ids
    since = f"{timezone.now() - timedelta(days=1):%Y-%m-%d}"
    assert len(table(asked(client, "readers", since=since))) == 2
    assert second.pk


def test_days_in_the_wrong_order_are_refused(log_in):
    page = log_in("Editors").post(
        ADD, {"what": "readers", "suffix": "csv", "since": "2026-02-01", "until": "2026-01-01"}
    )
    assert "This day is before" in page.content.decode()


def test_the_funnel_counts_what_is_counted_from_messages(log_in):
    story = make_story([("a", 0), ("b", 0), ("c", 0)], title="The River")
    for sent, status in ((1, "stopped"), (1, "failed"), (2, "active"), (3, "completed"), (0, "active"), (2, "stopped")):
        enrollment = make_enrollment(story=story, sent=sent)
        Enrollment.objects.filter(pk=enrollment.pk).update(status=status)
    make_enrollment(story=story, sent=3, pace=0.1)  # a rehearsal
    none_yet, *found = table(asked(log_in("Editors"), "funnel", story=story.pk))
    said = [none_yet[name] for name in ("text", "readers who had it", "readers who had none yet")]
    assert said == ["Joined", "0", "1"]
    assert {row["readers who had none yet"] for row in found} == {""}
    for row in found:
        sent = Message.objects.filter(story=story, step=row["text"], enrollment__pace=None).exclude(sent_at=None)
        assert int(row["readers who had it"]) == sent.count()
        assert float(row["share of those who began"]) == round(sent.count() / 6, 4)
    assert [row["ended here by a stop"] for row in found] == ["1", "1", "0"]
    assert [row["ended here by a failure"] for row in found] == ["1", "0", "0"]


@pytest.mark.parametrize("days", [{}, {"since": 30, "until": 3}])
def test_the_funnel_is_the_one_that_the_page_shows(log_in, days):
    call_command("makereaders", 120, stdout=StringIO())
    today = timezone.localdate()
    chosen = {name: str(today - timedelta(days=ago)) for name, ago in days.items()}
    client, compared = log_in("Editors"), 0
    for story in Story.objects.filter(enrollments__isnull=False).distinct():
        [shown] = client.get(reverse("story-readers", args=[story.pk]), chosen).context["panels"]
        file = {row["text"]: row for row in table(asked(client, "funnel", story=story.pk, **chosen))}
        assert set(file) == {place.name for place in shown.places}
        for place in shown.places:
            row = file[place.name]
            assert int(row["readers who had it"]) == place.had.count
            assert float(row["share of those who began"]) == round(place.had.count / shown.joined, 4)
            assert int(row["ended here by a stop"]) == place.at.get("stopped", 0)
            assert int(row["ended here by a failure"]) == place.at.get("failed", 0)
            compared += 1
    assert compared > 10


def test_the_funnel_of_a_story_that_very_many_read_is_made_by_the_cluster(log_in, monkeypatch):
    monkeypatch.setattr(tallies, "FEW", 1)
    story = make_enrollment(story=make_story([("a", 0), ("b", 0)]), sent=1).story
    client = log_in("Editors")
    assert len(table(asked(client, "funnel"))) == 2
    make_enrollment(story=story, sent=2)
    export = large(client, "funnel")
    tasks.make_export()
    found = table(content_of(client, export))
    assert [(row["text"], row["readers who had it"]) for row in found] == [("1", "2"), ("2", "1")]


def test_a_journalist_exports_the_funnel_of_their_own_stories_alone(log_in):
    other = make_enrollment(story=make_story(title="The Bus"), sent=1).story
    client = log_in("Journalists")
    make_enrollment(story=make_story(title="The River"), sent=1)
    assert {row["story"] for row in table(asked(client, "funnel"))} == {"The River"}
    for fields in ({"what": "readers"}, {"what": "messages"}, {"what": "funnel", "story": other.pk}):
        page = client.post(ADD, {"suffix": "csv", **fields})
        assert "Select a valid choice" in page.content.decode()


@pytest.mark.parametrize("words", DANGEROUS)
def test_a_readers_text_is_no_formula_in_a_csv_file(log_in, words):
    make_inbound(make_subscriber(), words)
    [row] = table(asked(log_in("Editors"), "messages"))
    assert row["words"].startswith("'")
    assert row["words"].replace("'", "") == words


def test_no_part_of_a_readers_text_is_a_formula_where_semicolons_part_cells(log_in):
    written = {
        "well;=1+1": "well;'=1+1",
        'well; "=1+1"': 'well;\' "=1+1"',
        "well\n=1+1\nbye": "well\n'=1+1\nbye",
        "well\t@SUM(A1)": "well\t'@SUM(A1)",
        "3 - 2 = 1; that's all": "3 - 2 = 1; that's all",
    }
    for words in written:
        make_inbound(make_subscriber(), words)
    assert [row["words"] for row in table(asked(log_in("Editors"), "messages"))] == list(written.values())


@pytest.mark.parametrize("words", [*DANGEROUS, "http://example.org", "123", "\x00\x07", "{=1}"])
def test_a_readers_text_is_a_text_in_a_workbook(log_in, words):
    make_inbound(make_subscriber(), words.replace("\x00", ""))
    header, row = cells(asked(log_in("Editors"), "messages", "xlsx"))
    kind, text = row[[text for _, text in header].index("words")]
    assert kind in ("inlineStr", "s")
    assert re.sub(r"_x00([0-9A-F]{2})_", lambda match: chr(int(match[1], 16)), text) == words.replace("\x00", "")


def test_a_storys_title_is_no_formula_in_a_csv_file(log_in):
    make_enrollment(story=make_story(title="=1+1"), sent=1)
    [row] = table(asked(log_in("Editors"), "readers"))
    assert "'=1+1" in row.values()


def test_a_sender_may_not_pass_for_a_number_and_be_a_formula(log_in):
    make_inbound(None, "Hello", sender="+1;=1+1")
    [row] = table(asked(log_in("Editors"), "messages"))
    assert row["number"] == "'+1;'=1+1"


def test_both_formats_say_the_same(log_in):
    client = log_in("Editors")
    enrollment = make_enrollment(sent=2)
    make_inbound(enrollment.subscriber, "thanks")
    for what in ("readers", "messages", "funnel"):
        lines = list(csv.reader(io.StringIO(asked(client, what).decode("utf-8-sig"), newline="")))
        book = [[text for _, text in row] for row in cells(asked(client, what, "xlsx"))]
        written = [[cell.removesuffix(".0") for cell in line if cell] for line in lines]
        assert written == [[cell for cell in row if cell] for row in book]


def test_what_a_sheet_cannot_hold_goes_on_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHEET_ROWS", 3)
    files.write_xlsx(str(tmp_path / "a.xlsx"), ["n"], ([number] for number in range(5)))
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        assert [name for name in book.namelist() if "sheets/sheet" in name] == [
            f"xl/worksheets/sheet{number}.xml" for number in (1, 2, 3)
        ]


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_large_export_is_made_by_the_cluster_and_fetched(log_in, monkeypatch, suffix, export_folder):
    make_large(monkeypatch)
    monkeypatch.setattr(rows, "BATCH", 2)
    for _ in range(5):
        make_inbound(make_subscriber(), "=1+1")
    client = log_in("Editors")
    export = large(client, suffix=suffix)
    assert OrmQ.objects.count() == 1
    page = reverse("admin:subscribers_export_change", args=[export.pk])
    assert "It waits for its turn." in client.get(page).content.decode()
    tasks.make_export()
    assert "It has 5 rows." in client.get(page).content.decode()
    content = content_of(client, export)
    assert len(table(content) if suffix == "csv" else cells(content)[1:]) == 5
    assert [each.what for each in Access.objects.order_by("pk")] == ["export", "download"]
    [file] = export_folder.iterdir()
    assert client.get(f"/media/{file.name}").status_code == 404


@pytest.mark.once
def test_an_export_tells_how_far_it_is(log_in, monkeypatch):
    make_large(monkeypatch)
    monkeypatch.setattr(making, "TELL_SECONDS", -1)
    subscriber = make_subscriber()
    Message.objects.bulk_create(
        Message(subscriber=subscriber, direction="inbound", status="received", body="x") for _ in range(250)
    )
    client, seen = log_in("Editors"), []
    export = large(client)

    def looking(found, of):
        for row in rows.rows_of(found):
            seen.append(client.get(reverse("admin:subscribers_export_progress", args=[export.pk])).content.decode())
            yield row

    monkeypatch.setattr(making, "rows_of", lambda found: looking(found, export))
    tasks.make_export()
    assert "0 of 250 rows" in seen[0]
    assert "100 of 250 rows" in seen[150]
    assert 'value="200"' in seen[-1]


def test_an_export_is_fetched_by_who_asked_for_it_or_sees_all(log_in, monkeypatch):
    make_large(monkeypatch)
    make_inbound(make_subscriber())
    export = large(log_in("Editors"))
    tasks.make_export()
    addresses = [
        reverse(f"admin:subscribers_export_{name}", args=[export.pk]) for name in ("file", "change", "progress")
    ]
    other = make_account("Editors", "other")
    client = log_in("Editors")
    client.force_login(other)
    assert [client.get(address).status_code for address in addresses] == [404] * 3
    assert str(export) not in client.get(reverse("admin:subscribers_export_changelist")).content.decode()
    client = log_in("Desk chiefs")
    assert [client.get(address).status_code for address in addresses] == [200] * 3
    client.logout()
    assert [client.get(address).status_code for address in addresses] == [302] * 3


def test_who_may_see_numbers_no_more_gets_none(log_in, monkeypatch):
    make_large(monkeypatch)
    make_inbound(make_subscriber("+12125550142"))
    client = log_in("Desk chiefs")
    before, after = large(client, whole_numbers="on"), large(client, whole_numbers="on")
    tasks.make_export()
    User.objects.get().groups.set([Group.objects.get(name="Editors")])
    tasks.make_export()
    assert client.get(reverse("admin:subscribers_export_file", args=[before.pk])).status_code == 403
    assert table(content_of(client, after))[0]["number"] == "+1 … 42"


def test_an_export_is_deleted_after_a_day(log_in, monkeypatch, export_folder):
    make_large(monkeypatch)
    make_inbound(make_subscriber())
    client = log_in("Editors")
    export = large(client)
    tasks.make_export()
    Export.objects.update(created_at=timezone.now() - timedelta(hours=23))
    tasks.tend_exports()
    assert content_of(client, export)
    Export.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert client.get(reverse("admin:subscribers_export_file", args=[export.pk])).status_code == 404
    tasks.tend_exports()
    assert not Export.objects.exists()
    assert list(export_folder.iterdir()) == []
    assert Schedule.objects.get(func="subscribers.tasks.tend_exports").minutes == 5


def test_one_export_is_made_at_a_time_and_a_task_that_comes_twice_does_nothing(log_in, monkeypatch):
    make_large(monkeypatch)
    make_inbound(make_subscriber())
    client = log_in("Editors")
    first, second = large(client), large(client)
    during = []

    def looking(found):
        tasks.make_export()
        during.append(Export.objects.get(pk=second.pk).status)
        return rows.rows_of(found)

    monkeypatch.setattr(making, "rows_of", looking)
    tasks.make_export()
    assert during == ["waiting"]
    assert [Export.objects.get(pk=export.pk).status for export in (first, second)] == ["ready", "waiting"]


def test_an_export_whose_process_was_killed_is_given_up_and_the_next_one_made(log_in, monkeypatch):
    make_large(monkeypatch)
    make_inbound(make_subscriber())
    client = log_in("Editors")
    killed, waiting = large(client), large(client)
    Export.objects.filter(pk=killed.pk).update(status="running", touched_at=timezone.now() - timedelta(minutes=3))
    page = client.get(reverse("admin:subscribers_export_change", args=[killed.pk])).content.decode()
    assert "Ask for it again." in page
    tasks.tend_exports()
    tasks.make_export()
    assert [Export.objects.get(pk=export.pk).status for export in (killed, waiting)] == ["failed", "ready"]


def test_an_export_that_fails_says_so(log_in, monkeypatch):
    make_large(monkeypatch)
    make_inbound(make_subscriber())
    client = log_in("Editors")
    export = large(client)
    monkeypatch.setitem(making.WRITERS, "csv", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tasks.make_export()
    assert Export.objects.get(pk=export.pk).status == "failed"


def test_few_exports_of_one_person_wait(log_in, monkeypatch):
    make_large(monkeypatch)
    make_inbound(make_subscriber())
    client = log_in("Editors")
    for _ in range(4):
        response = client.post(ADD, {"what": "messages", "suffix": "csv"}, follow=True)
    assert "wait already" in response.content.decode()
    assert Export.objects.count() == 3


@pytest.mark.once
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_an_export_never_holds_all_its_rows(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(rows, "BATCH", 100)
    subscriber = make_subscriber()
    Message.objects.bulk_create(
        Message(subscriber=subscriber, direction="inbound", status="received", body=f"{number} " * 300)
        for number in range(4000)
    )
    export = Export(user=User.objects.create_user("jo"), what="messages", suffix=suffix, created_at=timezone.now())
    tracemalloc.start()
    files.WRITERS[suffix](str(tmp_path / "export"), rows.COLUMNS["messages"], rows.rows_of(export))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000 < sum(len(message.body) for message in Message.objects.all())
