import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from stories.linked import shown_address
from stories.tests.factory import make_story
from subscribers import consent, holds
from subscribers.admin import SubscriberAdmin
from subscribers.error_codes import in_words
from subscribers.models import Enrollment, Hold, Message, Subscriber
from subscribers.progress import progress_of, with_progress
from textengine.carrier_codes import ACTIONS

from .factory import make_enrollment, make_inbound, make_message, make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.screens]

MODELS = ["subscriber", "enrollment", "message", "hold"]


def user_named(name: str, group: str = "", **fields) -> User:
    user = User.objects.create_user(name, password="pw", is_staff=True, **fields)
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


@pytest.fixture
def editor(client):
    client.force_login(user_named("eddie", "Desk chiefs"))
    return client


@pytest.fixture
def log_in(client):
    def log_in(role: str):
        group = {"journalist": "Journalists", "editor": "Editors", "desk chief": "Desk chiefs"}.get(role, "")
        client.force_login(user_named(role, group, is_superuser=role == "superuser"))
        return client

    return log_in


def list_of(model: str) -> str:
    return reverse(f"admin:subscribers_{model}_changelist")


def page_of(obj, name: str = "change") -> str:
    return reverse(f"admin:subscribers_{obj._meta.model_name}_{name}", args=[obj.pk])


def page(client, url: str, **params) -> str:
    response = client.get(url, params)
    assert response.status_code == 200, (url, response.status_code)
    return response.content.decode()


def make_one_of_each() -> list:
    enrollment = make_enrollment(sent=1)
    return [enrollment.subscriber, enrollment, enrollment.messages.last(), Hold.objects.create(reason="r")]


# Who may see and do what


def statuses(client, urls: list[str]) -> set[int]:
    return {client.get(url).status_code for url in urls}


@pytest.mark.parametrize(
    ("role", "stories", "readers", "add_hold", "prices", "users"),
    [
        ("superuser", 200, 200, 200, 200, 200),
        ("desk chief", 200, 200, 200, 200, 403),
        ("editor", 200, 200, 403, 200, 403),
        ("journalist", 200, 403, 403, 403, 403),
        ("nobody", 403, 403, 403, 403, 403),
    ],
)
def test_each_role_sees_what_its_work_needs(log_in, role, stories, readers, add_hold, prices, users):
    client, things = log_in(role), make_one_of_each()
    story = things[1].story
    story_pages = [reverse("admin:stories_story_changelist"), reverse("admin:stories_story_add")]
    story_pages += [reverse(f"admin:stories_story_{name}", args=[story.pk]) for name in ("change", "delete", "history")]
    assert statuses(client, story_pages) == {stories}
    reader_pages = [list_of(model) for model in MODELS] + [page_of(thing) for thing in things]
    assert statuses(client, reader_pages) == {readers}
    assert statuses(client, [reverse("admin:subscribers_hold_add")]) == {add_hold}
    assert statuses(client, [reverse("admin:stories_price_changelist")]) == {prices}
    assert statuses(client, [reverse("admin:auth_user_changelist"), reverse("admin:django_q_success_changelist")]) == {
        users
    }
    assert statuses(client, [reverse("admin:index"), reverse("admin:password_change")]) == {200}


@pytest.mark.parametrize("role", ["superuser", "editor"])
def test_what_the_engine_writes_is_not_added_changed_or_deleted_by_hand(log_in, role):
    client = log_in(role)
    subscriber, enrollment, message, hold = make_one_of_each()
    for model in ("subscriber", "enrollment", "message"):
        assert client.get(reverse(f"admin:subscribers_{model}_add")).status_code == 403
    for thing in (enrollment, message, hold):
        assert client.post(page_of(thing), {"reason": "changed"}).status_code == 403
        assert client.post(page_of(thing, "delete"), {"post": "yes"}).status_code == 403
    assert client.get(page_of(subscriber, "delete")).status_code == (200 if role == "superuser" else 403)


def test_a_superuser_deletes_a_reader_with_everything(log_in):
    client, enrollment = log_in("superuser"), make_enrollment(sent=1)
    client.post(page_of(enrollment.subscriber, "delete"), {"post": "yes"})
    assert not Subscriber.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize("role", ["journalist", "nobody"])
def test_buttons_are_refused_to_those_who_may_not_press_them(log_in, role):
    client, (_, enrollment, _, hold) = log_in(role), make_one_of_each()
    due = enrollment.messages.get(status="scheduled").due_at
    assert client.post(page_of(enrollment, "send-now")).status_code == 403
    assert client.post(page_of(hold, "release")).status_code == 403
    hold.refresh_from_db()
    assert hold.released_at is None
    assert enrollment.messages.get(status="scheduled").due_at == due


def test_one_who_only_looks_has_no_buttons(client):
    user = user_named("looker")
    names = ["view_enrollment", "view_hold"]
    user.user_permissions.set(Group.objects.get(name="Editors").permissions.filter(codename__in=names))
    client.force_login(user)
    _, enrollment, _, hold = make_one_of_each()
    assert "Send the next text now" not in page(client, page_of(enrollment))
    assert "Send the next text now" not in page(client, list_of("enrollment"))
    assert client.post(page_of(enrollment, "send-now")).status_code == 403
    assert client.post(page_of(hold, "release")).status_code == 403


def test_groups_are_made_once_and_taken_away_again():
    migration = import_module("subscribers.migrations.0002_make_groups")
    apps = MigrationExecutor(connection).loader.project_state(("subscribers", "0002_make_groups")).apps
    migration.remove_groups(apps, connection.schema_editor())
    assert not Group.objects.filter(name__in=migration.GROUPS).exists()
    Group.objects.create(name="Editors")
    for _ in range(2):
        migration.make_groups(apps, connection.schema_editor())
    assert Group.objects.filter(name__in=migration.GROUPS).count() == 2
    assert Group.objects.get(name="Editors").permissions.count() == 17
    assert Group.objects.get(name="Journalists").permissions.count() == 8


# How far readers are


def progress(enrollment: Enrollment) -> str:
    return str(progress_of(with_progress(Enrollment.objects.filter(pk=enrollment.pk)).get()))


def test_progress_counts_what_was_sent_and_what_remains():
    story = make_story([(f"text {number}", 60) for number in range(12)])
    assert progress(make_enrollment(story=story)) == "0 of 12"
    assert progress(make_enrollment(story=story, sent=7)) == "7 of 12"
    assert progress(make_enrollment(story=story, sent=12)) == "12 of 12"


def test_progress_follows_the_place_of_the_text_that_comes_next():
    story = make_story([("a", 0), ("b", 0), ("c", 0), ("d", 0)])
    enrollment = make_enrollment(story=story, sent=2)
    story.texts.get(position=1).delete()
    story.arrange(list(story.texts.order_by("position").values_list("pk", flat=True)), timezone.now())
    assert progress(enrollment) == "2 of 4"


def test_a_completed_reader_is_at_the_end_although_the_story_grew():
    story = make_story([("a", 0), ("b", 0)])
    enrollment = make_enrollment(story=story, sent=2)
    story.texts.create(position=3, body="c")
    assert progress(enrollment) == "2 of 2"


def test_a_stopped_reader_stays_where_it_stopped():
    enrollment = make_enrollment(story=make_story([("a", 0), ("b", 0), ("c", 0)]), sent=1)
    enrollment.end(Enrollment.Status.STOPPED, timezone.now(), "the reader texted STOP")
    enrollment.save()
    Message.objects.filter(enrollment=enrollment).cancel()
    assert progress(enrollment) == "1 of 3"


def test_the_list_says_what_comes_next_and_when(editor):
    story = make_story([("a", 0), ("b", 3 * 3600)], title="The River")
    make_enrollment(story=story, sent=1)
    text = page(editor, list_of("enrollment"))
    assert "1 of 2" in text
    assert '<progress max="2" value="1"' in text
    assert "Text 2 in 2 hours" in text or "Text 2 in 3 hours" in text
    Message.objects.filter(status="scheduled").update(status="held")
    assert "Text 2: on hold" in page(editor, list_of("enrollment"))


def test_readers_are_found_by_number_story_and_status(editor):
    river, bus = make_story(title="The River"), make_story(title="The Bus")
    make_enrollment(make_subscriber("+12125550123"), river)
    make_enrollment(make_subscriber("+12125550456"), bus, sent=2)
    listed = {"+1 … 23", "+1 … 56"}

    def found(model, **params) -> set[str]:
        text = page(editor, list_of(model), **params)
        return {number for number in listed if number in text}

    assert found("enrollment") == listed
    for query in ("0123", "+12125550123", "212-555-0123", "(212) 555 0123", "river"):
        assert found("enrollment", q=query) == {"+1 … 23"}, query
    assert found("enrollment", status="completed") == {"+1 … 56"}
    assert found("enrollment", story__id__exact=river.pk) == {"+1 … 23"}
    assert found("subscriber", q="0456") == {"+1 … 56"}
    assert found("subscriber", enrollments__story__id__exact=bus.pk) == {"+1 … 56"}
    assert found("message", q="0456", direction="outbound") == {"+1 … 56"}
    assert found("message", status="scheduled") == {"+1 … 23"}
    assert found("message", story__id__exact=bus.pk) == {"+1 … 56"}


def test_readers_and_messages_are_filtered_by_the_time_that_the_lists_show(editor):
    today = timezone.localtime().replace(hour=12)
    moments = {"+12125550101": today, "+12125550102": today - timedelta(days=6)}
    moments["+12125550103"] = today - timedelta(days=2000)
    for number, moment in moments.items():
        enrollment = make_enrollment(make_subscriber(number), created_at=moment)
        # Made today, sent or to be sent at that moment.
        Message.objects.filter(enrollment=enrollment).update(due_at=moment)

    def found(model, **params) -> set[str]:
        text = page(editor, list_of(model), **params)
        return {number for number in moments if f"+1 … {number[-2:]}" in text}

    week = str(today.replace(hour=0) - timedelta(days=7))
    assert found("enrollment", created_at__gte=week) == {"+12125550101", "+12125550102"}
    assert "Past 7 days" in page(editor, list_of("enrollment"))
    assert found("message", time="today") == {"+12125550101"}
    assert found("message", time="week") == {"+12125550101", "+12125550102"}
    assert "+12125550101" in found("message", time="month") <= found("message", time="year")
    assert "+12125550103" not in found("message", time="year")
    assert found("message", time="nonsense") == set(moments)


def test_errors_are_said_in_words(editor):
    enrollment = make_enrollment(sent=1)
    Message.objects.exclude(sent_at=None).update(status="undelivered", error_code=30003)
    assert "Undelivered: phone unreachable (30003)" in page(editor, list_of("message"))
    assert "phone unreachable (30003)" in page(editor, page_of(enrollment.subscriber))


def test_a_text_that_did_not_arrive_is_told_beside_the_progress(editor):
    make_enrollment(sent=2)
    assert "did not arrive" not in page(editor, list_of("enrollment"))
    Message.objects.filter(step=1).update(status="undelivered", error_code=11200)
    assert "1 did not arrive" in page(editor, list_of("enrollment"))
    assert "the picture could not be fetched (11200)" in page(editor, list_of("message"))


def test_messages_are_listed_by_the_time_they_show(editor):
    now = timezone.now()
    enrollment = make_enrollment(sent=2)
    # The row that was made first is sent last.
    Message.objects.filter(step=1).update(body="Later", sent_at=now)
    Message.objects.filter(step=2).update(body="Earlier", sent_at=now - timedelta(days=1))
    make_inbound(enrollment.subscriber, "Between", created_at=now)
    Message.objects.filter(body="Between").update(created_at=now - timedelta(hours=1))
    text = page(editor, list_of("message"))
    assert text.index("Later") < text.index("Between") < text.index("Earlier")


def test_a_failed_attempt_is_told_beside_the_next_one(editor):
    make_enrollment()
    Message.objects.update(attempts=1, reason="the carrier cannot be reached")
    assert "again after: the carrier cannot be reached" in page(editor, list_of("enrollment"))


def test_a_messages_page_has_all_its_words_and_the_list_the_first(editor):
    message = make_message(make_enrollment(), body="word " * 60 + "end")
    assert "end" in page(editor, page_of(message))
    assert "…" in page(editor, list_of("message"))


def test_readers_who_opted_out_are_filtered(editor):
    make_subscriber("+12125550123", opted_out_at=timezone.now())
    make_subscriber("+12125550456")
    text = page(editor, list_of("subscriber"), opted_out_at__isempty="0")
    assert "+1 … 23" in text
    assert "+1 … 56" not in text


def test_every_error_code_that_the_engine_acts_on_has_words():
    assert [code for code in ACTIONS if in_words(code) == f"error {code}"] == []
    assert in_words(99999) == "error 99999"
    assert in_words(None) == ""


@pytest.mark.parametrize("model", MODELS)
def test_lists_ask_as_often_for_20_rows_as_for_5(editor, model):
    story = make_story([(f"text {number}", 60) for number in range(6)])

    def make(count: int) -> None:
        for number in range(count):
            enrollment = make_enrollment(story=story, sent=number % 7)
            make_inbound(enrollment.subscriber)
            hold_story = make_story()
            hold = Hold.objects.create(story=hold_story, reason="r", created_by=User.objects.get())
            holds.release(hold, timezone.now())

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(editor, list_of(model))
        return len(captured)

    make(5)
    few = queries()
    make(15)
    # Two of them begin and end the transaction in which PostgreSQL plans anew, and one asks what is on hold.
    assert queries() == few <= 14


# When things were


def test_moments_have_one_form_everywhere(log_in):
    client, things = log_in("superuser"), make_one_of_each()
    story, hold = things[1].story, things[-1]
    Hold.objects.update(created_at="2020-11-24T18:55:00Z")
    type(story).objects.update(updated_at="2020-11-24T18:55:00Z")
    LogEntry.objects.log_actions(User.objects.get().pk, Hold.objects.all(), CHANGE, "released")
    LogEntry.objects.update(action_time="2020-11-24T18:55:00Z")
    urls = [reverse("admin:stories_story_changelist"), list_of("hold"), page_of(hold), page_of(hold, "history")]
    for url in urls:
        assert "24 Nov 2020, 18:55" in page(client, url), url
    assert "on hold</strong>\n  since <time" in page(client, reverse("admin:index"))
    for url in urls + [list_of(model) for model in MODELS] + [page_of(thing) for thing in things]:
        assert not re.search(r"[ap]\.m\.", page(client, url)), url


# A reader's page


def test_a_readers_page_is_the_thread_as_on_a_phone(editor):
    story = make_story([("first words", 0), ("second words", 0), ("third words", 86_400)], title="The River")
    enrollment = make_enrollment(make_subscriber("+12125550123"), story, sent=2)
    make_inbound(enrollment.subscriber, "<b>thanks</b>")
    text = page(editor, page_of(enrollment.subscriber))
    order = ["first words", "second words", "&lt;b&gt;thanks&lt;/b&gt;", "third words"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert "times in America/New York" in text
    assert "“The River” begins" in text
    assert "bubble--from-us bubble--pending" in text
    assert "bubble--from-reader" in text
    assert "Text 3 in " in text
    assert "2 of 3" in text


def test_a_picture_of_ours_and_one_that_is_linked_are_shown_and_a_readers_own_is_named(editor, settings):
    settings.PUBLIC_URL = "https://texts.example.org"
    enrollment = make_enrollment()
    ours = "/media/pictures/pier.jpg"
    linked = "https://texts.example.org.example.com/pier.jpg"
    inbound = "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages/MM0/Media/ME0"
    make_message(enrollment, media_urls=[settings.PUBLIC_URL + ours, linked])
    theirs = make_inbound(enrollment.subscriber, "", media_urls=[inbound])
    text = page(editor, page_of(enrollment.subscriber))
    assert re.findall(r'<img[^>]* src="([^"]*)"', text) == [ours, shown_address(linked)]
    assert f'<a href="{linked}"><img' in text
    assert f'<a href="{inbound}">Picture: api.twilio.com</a>' in text
    assert text.count("the carrier asks for its account’s login") == 1
    assert "The carrier asks for its account’s login" in page(editor, page_of(theirs))


def test_a_sent_picture_is_shown_in_words_as_long_as_its_text_has_it(editor):
    enrollment = make_enrollment()
    text = enrollment.story.texts.get(position=1)
    text.media_url, text.alt = "https://pictures.example.org/pier.jpg", "The pier at night"
    text.save()
    message = enrollment.messages.get()
    message.media_urls, message.begun_at = [text.media_url], timezone.now()
    message.save()
    assert 'alt="Picture: The pier at night (pictures.example.org)"' in page(editor, page_of(enrollment.subscriber))
    enrollment.story.texts.filter(pk=text.pk).update(media_url="https://pictures.example.org/lamp.jpg")
    assert 'alt="Picture: pictures.example.org"' in page(editor, page_of(enrollment.subscriber))


def test_the_linked_picture_of_a_text_to_come_is_shown_from_our_own_address(editor):
    enrollment = make_enrollment(story=make_story([("", 60)]))
    enrollment.story.texts.update(media_url="https://pictures.example.org/pier.jpg")
    text = page(editor, page_of(enrollment.subscriber))
    assert re.findall(r'<img[^>]* src="([^"]*)"', text) == [shown_address("https://pictures.example.org/pier.jpg")]


def test_a_long_thread_shows_its_last_200_texts(editor):
    enrollment = make_enrollment()
    now = timezone.now()
    for number in range(201):
        make_message(enrollment, body=f"words {number:03}", sent_at=now - timedelta(hours=300 - number))
    text = page(editor, page_of(enrollment.subscriber))
    assert text.count('<li class="bubble ') == 200
    assert "words 000" not in text
    assert "words 001" not in text
    assert "words 200" in text
    assert "the last 200 texts" in text


def test_the_time_zone_is_the_one_thing_to_change(editor):
    story = make_story([("a", 0), ("b", 0)])
    story.texts.filter(position=2).update(at="08:00")
    enrollment = make_enrollment(make_subscriber("+12125550123"), story, sent=1)
    subscriber = enrollment.subscriber
    before = enrollment.messages.get(step=2).due_at
    assert editor.post(page_of(subscriber), {"time_zone": "Asia/Tokyo"}).status_code == 302
    subscriber.refresh_from_db()
    assert subscriber.time_zone == "Asia/Tokyo"
    assert enrollment.messages.get(step=2).due_at != before
    text = editor.post(page_of(subscriber), {"time_zone": "Mars/Base"}).content.decode()
    assert "Select a valid choice" in text


def test_a_reader_who_stops_while_the_page_is_saved_stays_stopped(editor, monkeypatch):
    subscriber = make_subscriber()
    get_object = SubscriberAdmin.get_object

    def get_object_then_stop(*args):
        found = get_object(*args)
        consent.opt_out(subscriber, timezone.now(), "the reader texted STOP")
        return found

    monkeypatch.setattr(SubscriberAdmin, "get_object", get_object_then_stop)
    editor.post(page_of(subscriber), {"time_zone": "Asia/Tokyo"})
    subscriber.refresh_from_db()
    assert subscriber.opted_out_at
    assert subscriber.time_zone == "Asia/Tokyo"


# Send the next text now


def test_the_next_text_of_chosen_readers_is_made_due(editor):
    story = make_story([("a", 86_400), ("b", 86_400)])
    waiting, other, completed = make_enrollment(story=story), make_enrollment(story=story), make_enrollment(sent=2)
    chosen = {"action": "send_next_now", "_selected_action": [waiting.pk, completed.pk]}
    assert "Send the next text now: 1 reader?" in editor.post(list_of("enrollment"), chosen).content.decode()
    assert waiting.messages.get().due_at > timezone.now()
    response = editor.post(list_of("enrollment"), chosen | {"confirmed": "yes"}, follow=True)
    assert "The next text goes out now to 1 reader." in response.content.decode()
    assert waiting.messages.get().due_at <= timezone.now()
    assert other.messages.get().due_at > timezone.now()


def test_the_button_makes_the_next_text_due(editor):
    enrollment = make_enrollment(story=make_story([("a", 86_400)]))
    assert "Send the next text now" in page(editor, page_of(enrollment))
    assert editor.get(page_of(enrollment, "send-now")).status_code == 405
    response = editor.post(page_of(enrollment, "send-now"), follow=True)
    assert "goes out now to 1 reader" in response.content.decode()
    assert enrollment.messages.get().due_at <= timezone.now()


def test_a_reader_who_is_through_has_no_button(editor):
    enrollment = make_enrollment(sent=2)
    assert "Send the next text now" not in page(editor, page_of(enrollment))
    assert "This cannot be done any more." in editor.post(page_of(enrollment, "send-now"), follow=True).text


# The brake


@pytest.mark.parametrize("role", ["editor", "superuser"])
def test_a_hold_names_who_put_it_on_without_a_link_that_an_editor_may_not_follow(log_in, role):
    client, hold = log_in(role), Hold.objects.create(reason="r", created_by=User.objects.get())
    for url in (page_of(hold), list_of("hold")):
        text = page(client, url)
        assert "Created by" in text
        assert role in text.split("Created by")[1]
        assert "/auth/user/" not in text


def test_a_hold_is_put_on_seen_everywhere_and_released(editor):
    story = make_story(title="The River")
    enrollment = make_enrollment(story=story)
    editor.post(reverse("admin:subscribers_hold_add"), {"story": story.pk, "reason": "a name is wrong"})
    hold = Hold.objects.get()
    assert hold.created_by.username == "eddie"
    for url in (reverse("admin:index"), list_of("message"), reverse("admin:stories_story_add"), page_of(hold)):
        text = page(editor, url)
        assert "“The River” is on hold" in text
        assert "a name is wrong" in text
    Message.objects.update(status="held")
    response = editor.post(page_of(hold, "release"), follow=True)
    assert "1 text that was held back goes on in rhythm." in response.content.decode()
    assert enrollment.messages.get().status == Message.Status.SCHEDULED
    assert "is on hold" not in page(editor, reverse("admin:index"))
    assert "Release …" not in page(editor, page_of(hold))
    assert "is on hold" not in editor.post(page_of(hold, "release"), follow=True).content.decode()


def test_everything_can_be_held_and_a_second_hold_on_the_same_is_refused(editor):
    add = reverse("admin:subscribers_hold_add")
    editor.post(add, {"story": "", "reason": "a mistake"})
    assert "Everything is on hold" in page(editor, reverse("admin:index"))
    response = editor.post(add, {"story": "", "reason": "again"})
    assert "There is a hold on everything already." in response.content.decode()
    editor.post(page_of(Hold.objects.get(), "release"))
    assert not Hold.objects.active().exists()
    editor.post(add, {"story": "", "reason": "again"})
    assert Hold.objects.active().count() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_one_who_comes_second_with_the_same_hold_is_told_so(editor):
    def come_second():
        try:
            return editor.post(reverse("admin:subscribers_hold_add"), {"story": "", "reason": "second"})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Hold.objects.create(reason="first")
            second = pool.submit(come_second)
            with pytest.raises(TimeoutError):
                second.result(1)
        response = second.result(20)
    assert "There is a hold on everything already." in response.content.decode()
    assert 'value="second"' in response.content.decode()
    assert Hold.objects.get().reason == "first"


def test_nobody_outside_the_newsroom_sees_a_hold(client):
    Hold.objects.create(reason="a secret")
    assert "a secret" not in client.get(reverse("admin:login")).content.decode()
    client.force_login(User.objects.create_user("reader"))
    assert "a secret" not in client.get(reverse("admin:login")).content.decode()


def test_a_release_leaves_what_another_hold_covers():
    river, bus = make_enrollment(), make_enrollment()
    everything = Hold.objects.create(reason="all")
    only_river = Hold.objects.create(story=river.story, reason="one")
    Message.objects.update(status="held")
    assert holds.release(everything, timezone.now()) == 1
    assert river.messages.get().status == Message.Status.HELD
    assert bus.messages.get().status == Message.Status.SCHEDULED
    assert holds.release(everything, timezone.now()) == 0
    assert holds.release(only_river, timezone.now()) == 1
    assert river.messages.get().status == Message.Status.SCHEDULED


def test_a_release_of_one_story_changes_nothing_while_everything_is_held():
    enrollment = make_enrollment()
    Hold.objects.create(reason="all")
    hold = Hold.objects.create(story=enrollment.story, reason="one")
    Message.objects.update(status="held")
    assert holds.release(hold, timezone.now()) == 0
    assert enrollment.messages.get().status == Message.Status.HELD


def test_messages_of_no_story_are_held_and_released_with_everything():
    enrollment = make_enrollment()
    reply = make_message(enrollment, enrollment=None, story=None, status="held")
    Hold.objects.create(story=enrollment.story, reason="one")
    hold = Hold.objects.create(reason="all")
    holds.release(hold, timezone.now())
    reply.refresh_from_db()
    assert reply.status == Message.Status.SCHEDULED


def test_no_page_has_a_style_or_a_script_inside(editor):
    things = make_one_of_each()
    for url in [list_of(model) for model in MODELS] + [page_of(thing) for thing in things]:
        text = page(editor, url)
        assert " style=" not in text, url
        assert "<script>" not in text, url
        assert "<style" not in text, url


def test_what_the_system_said_by_itself_is_named_by_its_occasion(editor):
    enrollment = make_enrollment(sent=1)
    answer = make_message(enrollment, automatic="help", body="Ask us.", enrollment=None, story=None)
    again = make_message(enrollment, automatic="again", body="Hello.", enrollment=None)
    listed = editor.get(list_of("message")).content.decode()
    assert "The last text once more" in listed
    assert "Help" in editor.get(page_of(answer)).content.decode()
    assert f"{again.story} · The last text once more" in editor.get(page_of(again)).content.decode()
    assert "Help · Delivered" in editor.get(page_of(enrollment.subscriber)).content.decode()
