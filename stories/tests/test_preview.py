"""What the desk's preview answers: the unsaved form in, the phone and each text's facts out."""

import re
from datetime import time, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from stories import history
from stories.models import Story
from stories.quiet import QuietHours
from stories.turns import Follows, Turn

from .factory import asking, make_branching_story, make_pier, make_story
from .test_admin import form_of, page_of

pytestmark = [pytest.mark.django_db, pytest.mark.screens]

NEW = reverse("admin:stories_story_preview_new")


@pytest.fixture
def journalist(client):
    user = User.objects.create_user("jo", is_staff=True)
    user.groups.add(Group.objects.get(name="Journalists"))
    client.force_login(user)
    return client


def address(story: Story) -> str:
    return reverse("admin:stories_story_preview", args=[story.pk])


def seen(client, story: Story, rows=None, **fields) -> dict:
    response = client.post(address(story) if story.pk else NEW, form_of(story, rows, **fields))
    assert response.status_code == 200
    return response.json()


def in_order(phone: str, *words: str) -> bool:
    places = [phone.find(word) for word in words]
    return -1 not in places and places == sorted(places)


def test_the_phone_shows_the_page_and_not_what_is_saved(journalist):
    story = make_story([("first", 0), ("second", 120), ("third", 0)], title="Old", keyword="RIVER")
    rows = [
        {"ORDER": 3},
        {"ORDER": 1, "body": "rewritten"},
        {"DELETE": "on"},
        {"ORDER": 2, "body": "new", "wait": "1 day"},
    ]
    answer = seen(journalist, story, rows, title="New title")
    assert in_order(
        answer["phone"], "New title", "RIVER", "2 minutes later", "rewritten", "1 day later", "new", "first"
    )
    assert "third" not in answer["phone"]
    assert set(answer["texts"]) == {"texts-0", "texts-1", "texts-3"}
    assert [text.body for text in story.texts.order_by("position")] == ["first", "second", "third"]


def test_a_new_story_is_seen_before_it_is_ever_saved(journalist):
    answer = seen(journalist, Story(), [{"body": "Hello"}, {"body": "", "wait": "right away"}])
    assert "Hello" in answer["phone"]
    assert answer["story"]["counts"].strip() == "1 text"
    assert not Story.objects.exists()


def test_a_text_that_cannot_be_saved_is_shown_with_the_reason_beside_the_others(journalist):
    story = make_story([("first", 0), ("second", 0)])
    phone = seen(journalist, story, [{"body": "x" * 1601}, {"wait": "soon"}, {"body": "third"}])["phone"]
    assert in_order(phone, "x" * 1601, "at most 1,600 characters", "second", "“soon”", "third")
    assert phone.count("bubble--failed") == 2


def test_a_text_of_a_draft_says_what_would_stand_in_its_way(journalist):
    story = make_story([("first", 0), ("second", 0), ("third", 0)], status="draft")
    rows = [{"body": ""}, {"body": "", "media_url": "nowhere"}]
    phone = seen(journalist, story, rows)["phone"]
    assert in_order(phone, "Write a text or choose a picture.", "Enter a valid URL.", "third")
    assert phone.count("Write a text") == 1
    assert phone.count("bubble--failed") == 2


def test_each_text_says_what_it_is_billed_as_and_what_makes_it_unicode(journalist):
    bodies = ["plain", "It’s “quoted” " + "x" * 60, "🚢", "zero\u200bwidth"]
    texts = seen(journalist, make_story([(body, 0) for body in bodies]))["texts"]
    assert 'the least room">plain</span> characters' in texts["texts-0"]["html"]
    assert "1 text" in texts["texts-0"]["html"]
    assert "2 texts" in texts["texts-1"]["html"]
    assert "<mark>’</mark> <mark>“</mark>" in texts["texts-1"]["html"]
    assert texts["texts-1"]["plain"] == 'It\'s "quoted" ' + "x" * 60
    # An emoji has no plain equal.
    assert texts["texts-2"]["plain"] == ""
    assert "data-plain" not in texts["texts-2"]["html"]
    assert "<mark>zero width space</mark>" in texts["texts-3"]["html"].lower()


def test_a_chosen_picture_that_only_the_browser_has_makes_a_picture_message(journalist):
    story = make_story([("first", 0), ("", 0)])
    answer = seen(journalist, story, [{}, {"media_url": ""}], chosen=["texts-1-media"])
    assert '<img class="bubble__media" data-chosen="texts-1"' in answer["phone"]
    assert "bubble--failed" not in answer["phone"]
    assert answer["texts"]["texts-1"]["html"].strip() == "a picture message"
    assert "1 picture message" in answer["story"]["facts"]


def test_a_linked_picture_is_named_by_its_host_and_comes_from_ours(journalist):
    story = make_story([("first", 0)])
    phone = seen(journalist, story, [{"media_url": "https://pictures.example.org/a.png"}])["phone"]
    assert "Picture: pictures.example.org" in phone
    assert re.findall(r'<img[^>]* src="([^?]+)', phone) == [reverse("admin:stories_story_linked")]


def test_the_bill_follows_the_newsrooms_prices_and_the_number_of_readers(journalist):
    story = make_story([("a" * 161, 0), ("b", 0)])
    answer = seen(journalist, story, readers="20000")["story"]
    assert "billed as 3 segments" in answer["facts"]
    assert "0.0384 USD" in answer["facts"]
    assert "768.00 USD" in answer["bill"]
    assert "0.0384 USD" in seen(journalist, story, readers="many")["story"]["bill"]


def test_a_reader_may_start_now_this_evening_or_on_a_day_in_any_zone(journalist):
    story = make_story([("first", 0), ("second", 4 * 3600)])
    evening = seen(journalist, story, start="this evening", zone="Asia/Tokyo")
    assert in_order(evening["phone"], "Asia/Tokyo", "19:00", "23:00")
    day = seen(journalist, story, start="chosen day", day="2030-07-04", zone="America/New_York")["phone"]
    assert in_order(day, "Thursday, 4 July", "12:00", "16:00")
    for wrong in ({"start": "yesterday"}, {"start": "chosen day", "day": "soon"}, {"zone": "Mars/Olympus"}):
        assert "first" in seen(journalist, story, **wrong)["phone"]


def test_the_phone_and_the_texts_say_what_quiet_hours_do(journalist, settings):
    settings.QUIET_HOURS = QuietHours(time(21), time(8))
    story = make_story([("first", 0), ("second", 4 * 3600)])
    moved = seen(journalist, story, start="this evening", zone="Asia/Tokyo")
    assert in_order(moved["phone"], "19:00", "the next day, 8:00", "08:00 · moved from 23:00")
    assert "would come at 23:00: moved to 8:00 the next morning" in moved["texts"]["texts-1"]["html"]
    assert [moved["texts"][key]["at_night"] for key in ("texts-0", "texts-1")] == [False, True]
    assert "13 hours" in moved["story"]["facts"]
    needs_night = seen(journalist, story, start="this evening", zone="Asia/Tokyo", quiet="off")
    assert in_order(needs_night["phone"], "19:00", "4 hours later", "23:00 · at night")
    assert "23:00, at night" in needs_night["texts"]["texts-1"]["html"]
    own = seen(journalist, story, start="this evening", zone="Asia/Tokyo", quiet="23 o'clock to 7 am")
    assert in_order(own["phone"], "07:00 · moved from 23:00")
    half_typed = seen(journalist, story, start="this evening", zone="Asia/Tokyo", quiet="23")
    assert in_order(half_typed["phone"], "08:00 · moved from 23:00")


def test_the_preview_page_keeps_the_quiet_hours_that_are_saved(journalist, settings):
    settings.QUIET_HOURS = QuietHours(time(21), time(8))
    story = make_story([("first", 0), ("second", 4 * 3600)], quiet="22:00 to 9:00")
    page = journalist.get(address(story), {"start": "this evening"}).content.decode()
    assert in_order(page, "09:00 · moved from 23:00")


def test_a_preview_asks_the_database_as_often_for_50_texts_as_for_5(journalist):
    counts = []
    for count in (5, 50):
        story = make_story([("text", 0)] * count)
        with CaptureQueriesContext(connection) as queries:
            seen(journalist, story)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10


def test_saving_a_story_asks_as_often_for_50_texts_as_for_5(journalist):
    def queries_of(texts: int, changed: int) -> int:
        story = make_story([("text", 0)] * texts)
        version = history.keep(story, timezone.now()).pk
        form = form_of(story, [{"body": "changed"}] * changed, _version=version)
        with CaptureQueriesContext(connection) as queries:
            assert journalist.post(page_of(story), form).status_code == 302
        return len(queries)

    queries_of(1, 1)  # What is remembered from the first time on is not counted.
    few, many, all_changed = queries_of(5, 1), queries_of(50, 1), queries_of(50, 50)
    assert few == many <= 42
    # Each text that changed is written by itself; what is kept of 50 takes SQLite two statements.
    assert many + 49 <= all_changed <= many + 50


def test_a_text_that_somebody_else_has_deleted_stays_on_the_phone_without_a_reproach(journalist):
    story = make_story([("first", 0), ("second", 120)])
    form = form_of(story)
    story.texts.get(position=2).delete()
    phone = journalist.post(address(story), form).json()["phone"]
    assert "second" in phone
    assert "valid choice" not in phone


def test_only_who_may_see_the_story_gets_a_preview_and_only_with_a_token(client):
    story = make_story()
    nobody = User.objects.create_user("nobody", is_staff=True)
    client.force_login(nobody)
    assert client.post(address(story), form_of(story)).status_code == 403
    assert client.post(NEW, form_of(Story())).status_code == 403
    nobody.is_superuser = True
    nobody.save()
    assert client.post(reverse("admin:stories_story_preview", args=[0])).status_code == 404
    assert client.get(NEW).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(nobody)
    assert strict.post(address(story), form_of(story)).status_code == 403


def test_one_who_may_only_look_sees_the_story_as_it_is_saved(client):
    user = User.objects.create_user("looker", is_staff=True)
    permissions = Group.objects.get(name="Journalists").permissions.filter(codename__startswith="view_")
    user.user_permissions.set(permissions)
    client.force_login(user)
    story = make_story([("first", 0), ("second", 60)])
    phone = seen(client, story, [{"body": "changed"}])["phone"]
    assert in_order(phone, "first", "1 minute later", "second")


def test_a_story_of_days_says_how_long_it_takes_as_people_would(journalist):
    story = make_story([("first", 3), ("second", timedelta(days=2, hours=5, minutes=13).total_seconds())])
    assert seen(journalist, story)["story"]["counts"].split() == ["2", "texts", "·", "2", "days", "and", "5", "hours"]


def test_the_saved_story_has_a_preview_page_whose_address_says_who_reads_it(client):
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.set(Group.objects.get(name="Journalists").permissions.filter(codename="view_story"))
    client.force_login(user)
    story = make_story([("first", 0), ("second", 4 * 3600)], title="The River", keyword="RIVER")
    query = {"start": "chosen day", "day": "2030-07-04", "zone": "Asia/Tokyo"}
    page = client.get(address(story), query).content.decode()
    phone = page[page.index("Times in") :]
    assert in_order(phone, "Thursday, 4 July", "RIVER", "12:00", "first", "4 hours later", "second", "16:00")
    assert '<option value="Asia/Tokyo" selected>' in page
    for less in ({}, {"start": "soon", "zone": "Mars"}):
        assert "second" in client.get(address(story), less).content.decode()
    user.user_permissions.clear()
    assert client.get(address(story)).status_code == 403


def test_the_preview_page_shows_the_very_phone_of_the_desk(journalist):
    story = make_story([("first", 0), ("second", 60)])
    query = {"start": "chosen day", "day": "2030-07-04", "zone": "Asia/Tokyo"}
    beside = re.sub(r' data-text="[^"]*"', "", seen(journalist, story, **query)["phone"])
    page = re.sub(r' data-text="[^"]*"', "", journalist.get(address(story), query).content.decode())
    assert beside.strip() in page


def test_on_the_page_of_its_own_answers_are_links_that_say_all_that_was_answered(journalist):
    page = address(make_pier(answer_within=timedelta(days=1), default_answer="stay"))
    first = journalist.get(page, {"start": "this evening"}).content.decode()
    assert 'href="?start=this+evening&amp;answer=1">B, stay</a>' in first
    assert "takes “stay”" in first
    answered = journalist.get(page, {"answer": "1"}).content.decode()
    assert in_order(answered, "Board, or stay?", 'answer=1" aria-current="true"', "Alone.", "You chose to B.")
    silent = journalist.get(page, {"answer": "-"}).content.decode()
    assert in_order(silent, "Board, or stay?", "Alone.", "You chose to wait.")
    for wrong in ("7", "x", "", "1:1:1"):
        assert "Board, or stay?" in journalist.get(page, {"answer": wrong}).content.decode()


def test_the_bill_and_the_time_are_the_least_and_the_most_that_answers_lead_to(journalist):
    story = make_branching_story(
        ("", "Long? Reply STOP to end.", asking("yes", "no -> short", hint="?")),
        ("", "x" * 161, Turn()),
        ("", "The end.", Turn(Follows.END)),
        ("short", "The end.", Turn()),
    )
    said = seen(journalist, story, readers="1000")["story"]
    assert said["counts"].strip() == "2 to 3 texts · 1 minute to 2 minutes"
    assert "billed as 2 to 4 segments" in said["facts"]
    assert "0.0256 USD to 0.0512 USD" in said["facts"]
    assert "25.60 USD to 51.20 USD" in said["bill"]
    assert said["map"].count("<li>") == 3


def test_what_is_kept_is_measured_by_what_stands_for_it(journalist):
    story = make_branching_story(("", "Who?", asking("anything", keeps="name")), ("", "{name|x}" + "y" * 159, Turn()))
    assert seen(journalist, story)["texts"]["texts-1"]["html"].startswith("160 ")
