"""Rehearsals: the true way, at a pace of their own, and never taken for readers."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from stories import publishing
from stories.models import BODY_MAX_LENGTH, Story, StoryText
from stories.readers import reach, still_reading
from stories.tests.factory import make_story
from subscribers import consent, housekeeping, rehearsals
from subscribers.inbound import InboundText, receive
from subscribers.models import Enrollment, Hold, Message, OwnPhone
from subscribers.scheduling import follow_story, send_next_now
from subscribers.threads import thread_of

from .engine import work
from .factory import OUR_NUMBER, make_enrollment, make_subscriber

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

PHONE = "+14155550123"
DAY = 86_400
sids = iter(range(1_000_000))


@pytest.fixture
def phone():
    return make_subscriber(PHONE)


@pytest.fixture
def story():
    return make_story([("One", 0), ("Two", 2 * DAY), ("Three", 0), ("Four", DAY)], status="draft")


def rehearse(story: Story, phone, seconds: float | None = 30, now: datetime | None = None) -> Enrollment:
    rehearsals.start(story, phone, seconds and timedelta(seconds=seconds), now or timezone.now())
    return Enrollment.objects.rehearsals().latest("pk")


def texted(sandbox, since: list) -> list[str]:
    return sandbox.received(PHONE)[len(since) :]


def text_us(body: str) -> None:
    receive(InboundText(f"SM{next(sids):032x}", PHONE, OUR_NUMBER, body), timezone.now())


def waits(rehearsal: Enrollment) -> Message:
    return rehearsal.messages.get(step=Enrollment.objects.get(pk=rehearsal.pk).step + 1)


def seconds_until_next(rehearsal: Enrollment) -> float:
    last = rehearsal.messages.filter(sent_at__isnull=False).order_by("step").last()
    return (waits(rehearsal).due_at - last.sent_at).total_seconds()


def test_a_draft_comes_compressed_with_its_waits_in_brackets(sandbox, phone, story):
    before = sandbox.received(PHONE)
    rehearsal = rehearse(story, phone)
    work()
    assert texted(sandbox, before) == ["One"]
    assert seconds_until_next(rehearsal) == pytest.approx(20, abs=0.01)
    for _ in range(3):
        work(timezone.now() + timedelta(minutes=1))
    assert texted(sandbox, before) == ["One", "[2 days later]\nTwo", "Three", "[1 day later]\nFour"]
    assert Enrollment.objects.get().status == Enrollment.Status.COMPLETED
    assert Message.objects.get(step=2).body == "[2 days later]\nTwo"


def test_at_true_speed_it_comes_as_readers_get_it(sandbox, phone, story):
    before = sandbox.received(PHONE)
    rehearsal = rehearse(story, phone, None)
    work()
    assert seconds_until_next(rehearsal) == pytest.approx(2 * DAY, abs=0.01)
    work(timezone.now() + timedelta(days=3))
    assert texted(sandbox, before) == ["One", "Two"]


def test_a_time_of_day_is_counted_from_the_storys_own_days(sandbox, phone):
    story = make_story([("One", 0), ("Two", 0), ("Three", 0)])
    story.texts.filter(position=2).update(days=1, at=time(8))
    story.texts.filter(position=3).update(days=2, at=time(8))
    # In San Francisco it is 10:00.
    start = datetime.now(UTC).replace(hour=18, minute=0, second=0, microsecond=0) - timedelta(days=1)
    type(phone).objects.update(time_zone="Etc/GMT+8")
    phone.refresh_from_db()
    takes = rehearsals.start(story, phone, timedelta(seconds=70), start)
    rehearsal = Enrollment.objects.get()
    assert takes.total_seconds() == pytest.approx(70, abs=0.01)
    work()
    # 22 hours, and then 48.
    assert seconds_until_next(rehearsal) == pytest.approx(22, abs=0.01)
    assert waits(rehearsal).lead == "[the next day, 8:00]"
    work(timezone.now() + timedelta(minutes=1))
    assert seconds_until_next(rehearsal) == pytest.approx(48, abs=0.01)
    assert waits(rehearsal).lead == "[2 days later, 8:00]"


def test_a_text_that_is_tried_again_says_its_wait_once(sandbox, phone, story):
    before = sandbox.received(PHONE)
    rehearse(story, phone)
    work()
    later = timezone.now() + timedelta(minutes=1)
    Message.objects.filter(step=2).update(body="[2 days later]\nTwo", attempts=1)
    work(later)
    assert texted(sandbox, before)[1] == "[2 days later]\nTwo"


def test_a_text_that_leaves_no_room_for_the_wait_comes_without_it(sandbox, phone):
    before = sandbox.received(PHONE)
    body = "a" * (BODY_MAX_LENGTH - 3)
    rehearse(make_story([("One", 0), (body, DAY)]), phone)
    work()
    work(timezone.now() + timedelta(minutes=1))
    assert texted(sandbox, before) == ["One", body]


def test_a_picture_alone_has_its_wait_as_words(sandbox, phone):
    before = sandbox.received(PHONE)
    story = make_story([("One", 0), ("", DAY)])
    story.texts.filter(position=2).update(media_url="https://example.org/pier.jpg")
    rehearse(story, phone)
    work()
    work(timezone.now() + timedelta(minutes=1))
    assert texted(sandbox, before) == ["One", "[1 day later]"]


def test_a_second_rehearsal_replaces_the_first(phone, story):
    first = rehearse(story, phone)
    second = rehearse(story, phone, None)
    first.refresh_from_db()
    assert (first.status, first.reason) == ("stopped", "begun anew")
    assert first.messages.get().status == Message.Status.CANCELED
    assert (second.status, second.pace) == ("active", 1)


def test_of_two_rehearsals_that_begin_at_the_same_moment_the_database_takes_one(phone, story):
    rehearse(story, phone)
    with pytest.raises(IntegrityError), transaction.atomic():
        Enrollment.objects.create(subscriber=phone, story=story, pace=0.5)


def test_it_is_stopped(sandbox, phone, story):
    rehearse(story, phone)
    work()
    assert rehearsals.stop(rehearsals.rehearsals_on(phone, story), timezone.now()) == 1
    assert work(timezone.now() + timedelta(days=9)) == 0
    assert Enrollment.objects.get().status == "stopped"


def test_stop_leaves_readers_alone(phone, story):
    reading = make_enrollment(phone, story)
    rehearse(story, phone)
    assert rehearsals.stop(Enrollment.objects.all(), timezone.now()) == 1
    reading.refresh_from_db()
    assert reading.status == "active"


def test_the_same_phone_reads_the_story_as_a_reader_too(sandbox, phone):
    story = make_story([("One", 0), ("Two", 2 * DAY)], keyword="RIVER")
    before = sandbox.received(PHONE)
    rehearse(story, phone)
    text_us("river")
    assert Enrollment.objects.readers().get().status == "active"
    work()
    work(timezone.now() + timedelta(minutes=1))
    assert sorted(texted(sandbox, before)) == ["One", "One", "[2 days later]\nTwo"]
    assert Enrollment.objects.readers().get().step == 1
    text_us("river")
    assert Enrollment.objects.readers().count() == 1


def test_a_rehearsed_story_is_still_unread_and_who_rehearses_is_in_none(phone):
    story = make_story(weight=1)
    rehearse(story, phone)
    text_us("hello")
    assert Enrollment.objects.readers().get().story == story


def test_stop_ends_rehearsals_and_start_lets_only_readers_go_on(phone, story):
    other = make_enrollment(phone, make_story())
    rehearsal = rehearse(story, phone)
    text_us("STOP")
    rehearsal.refresh_from_db()
    assert rehearsal.status == "stopped"
    with pytest.raises(rehearsals.OptedOut):
        rehearse(story, phone)
    text_us("START")
    rehearsal.refresh_from_db()
    other.refresh_from_db()
    assert (rehearsal.status, other.status) == ("stopped", "active")


def test_a_hold_holds_rehearsals(sandbox, phone, story):
    before = sandbox.received(PHONE)
    rehearse(story, phone)
    Hold.objects.create(story=story, reason="Wait")
    work()
    assert texted(sandbox, before) == []
    assert Message.objects.get().status == Message.Status.HELD


def test_a_correction_reaches_a_rehearsal_as_it_reaches_readers(sandbox, phone, story):
    before = sandbox.received(PHONE)
    rehearsal = rehearse(story, phone)
    work()
    story.texts.filter(position=2).update(body="Two, mended", delay=timedelta(hours=1))
    story.texts.get(position=3).delete()
    follow_story(story.pk, timezone.now())
    assert waits(rehearsal).lead == "[1 hour later]"
    assert seconds_until_next(rehearsal) < 2.01
    for _ in range(2):
        work(timezone.now() + timedelta(minutes=1))
    assert texted(sandbox, before) == ["One", "[1 hour later]\nTwo, mended", "[1 day later]\nFour"]


def test_rehearsals_count_nowhere_among_readers(sandbox, phone):
    story = make_story([("One", 0), ("", DAY)], status="draft")
    rehearse(story, phone)
    work()
    assert still_reading(story, nobody="Nobody") == "Nobody"
    assert publishing.warnings(story) == []
    first = story.texts.get(position=1)
    assert [(row.had, row.will_get) for row in reach(story, [first.pk])] == [(0, 0)]
    make_enrollment(story=story, sent=1)
    assert still_reading(story).startswith("1 reader is")
    assert [(row.had, row.will_get) for row in reach(story, [first.pk])] == [(1, 0)]


def test_a_rehearsal_does_not_keep_a_reader_from_going_on(phone, story):
    failed = make_enrollment(phone, story, status=Enrollment.Status.FAILED)
    rehearsal = rehearse(story, phone)
    assert send_next_now([failed.pk], timezone.now()) == 1
    assert rehearsals.stop(Enrollment.objects.filter(pk=rehearsal.pk), timezone.now()) == 1


def test_a_rehearsal_that_broke_off_is_begun_anew_and_does_not_go_on(admin_client, phone, story):
    rehearsal = rehearse(story, phone)
    Enrollment.objects.update(status=Enrollment.Status.FAILED)
    assert send_next_now([rehearsal.pk], timezone.now()) == 0
    page = admin_client.get(reverse("admin:subscribers_enrollment_change", args=[rehearsal.pk]))
    assert "Send the next text now" not in page.text


def test_what_a_stopped_rehearsal_sent_is_swept_in_time(settings, phone, story):
    settings.MESSAGE_RETENTION = timedelta(days=30)
    rehearse(story, phone, now=timezone.now() - timedelta(days=40))
    consent.opt_out(phone, timezone.now() - timedelta(days=39), "…")
    Message.objects.update(created_at=timezone.now() - timedelta(days=40))
    housekeeping.sweep(timezone.now())
    assert [message.body for message in Message.objects.exclude(redacted_at=None)] == [""]


def test_a_story_that_was_only_rehearsed_can_be_deleted(admin_client, phone, story):
    rehearse(story, phone)
    address = reverse("admin:stories_story_delete", args=[story.pk])
    assert PHONE not in admin_client.get(address).text
    admin_client.post(address, {"post": "yes"})
    assert not Story.objects.exists()
    assert not Enrollment.objects.exists()
    assert not StoryText.objects.exists()


def test_a_journalist_deletes_a_draft_that_was_rehearsed(client, phone, story):
    user = User.objects.create_user("jo", is_staff=True)
    user.groups.add(Group.objects.get(name="Journalists"))
    story.authors.add(user)
    client.force_login(user)
    rehearse(story, phone)
    client.post(reverse("admin:stories_story_delete", args=[story.pk]), {"post": "yes"})
    assert not Story.objects.exists()


def test_a_story_that_has_readers_besides_cannot_be_deleted(admin_client, phone, story):
    rehearse(story, phone)
    make_enrollment(story=story)
    admin_client.post(reverse("admin:stories_story_delete", args=[story.pk]), {"post": "yes"})
    assert Story.objects.exists()
    assert Enrollment.objects.count() == 2


def test_the_lists_show_readers_and_mark_rehearsals(admin_client, phone, story):
    rehearse(story, phone)
    reader = make_enrollment(story=story)
    address = reverse("admin:subscribers_enrollment_changelist")
    readers = admin_client.get(address)
    assert [row.pk for row in readers.context["cl"].queryset] == [reader.pk]
    assert "badge" not in readers.text
    assert admin_client.get(f"{address}?who=others").text.count('class="badge"') == 1
    assert admin_client.get(f"{address}?who=all").context["cl"].result_count == 2
    assert admin_client.get(reverse("admin:subscribers_message_changelist")).text.count('class="badge"') == 1
    subscribers = reverse("admin:subscribers_subscriber_changelist")
    assert admin_client.get(subscribers).text.count('class="badge"') == 1
    make_story()
    of_story = admin_client.get(f"{subscribers}?enrollments__story__id__exact={story.pk}")
    assert [row.pk for row in of_story.context["cl"].queryset] == [reader.subscriber_id]
    assert "Rehearsal" in admin_client.get(reverse("admin:subscribers_subscriber_change", args=[phone.pk])).text


def test_a_phone_that_only_rehearses_is_no_reader(admin_client, phone, story):
    for name in ("jo", "sam"):
        OwnPhone.objects.create(user=User.objects.create_user(name), subscriber=phone)
    rehearse(story, phone)
    reader = make_subscriber()
    address = reverse("admin:subscribers_subscriber_changelist")
    assert list(admin_client.get(address).context["cl"].queryset) == [reader]
    assert "Newsroom</span>" in admin_client.get(f"{address}?who=others").text
    make_enrollment(phone, story)
    assert list(admin_client.get(address).context["cl"].queryset) == [reader, phone]
    assert list(admin_client.get(f"{address}?who=others").context["cl"].queryset) == [phone]


def test_the_next_text_of_a_rehearsal_is_sent_now_and_is_called_one(admin_client, phone, story):
    rehearsal = rehearse(story, phone, None)
    page = admin_client.post(reverse("admin:subscribers_enrollment_send-now", args=[rehearsal.pk]), follow=True)
    assert "The next text goes out now to 1 rehearsal." in page.text


def test_the_thread_says_what_is_a_rehearsal_and_what_it_will_say(sandbox, phone, story):
    rehearse(story, phone)
    work()
    first, second = thread_of(phone).bubbles
    assert first.gap == f"a rehearsal of “{story}” begins"
    assert second.body == "[2 days later]\nTwo"
