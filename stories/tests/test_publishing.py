"""What stands in the way of publishing, and what each change of status says and does."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone

from stories import publishing
from stories.models import Story, StoryText
from stories.readers import reach
from stories.sample import load_sample_story
from subscribers.tests.factory import make_enrollment

from .factory import make_pier, make_story
from .test_admin import ADD, bodies, form_of, page_of

pytestmark = [pytest.mark.django_db, pytest.mark.screens]
FIRST = ("It begins. Reply STOP to end.", 0)


@pytest.fixture
def journalist(client):
    user = User.objects.create_user("jo", password="pw", is_staff=True)
    user.groups.add(Group.objects.get(name="Journalists"))
    client.force_login(user)
    return client


def publish(client, story: Story, rows=(), **fields):
    address = page_of(story) if story.pk else ADD
    return client.post(address, form_of(story, list(rows), _publish="Publish", **fields), follow=True)


def words(response) -> str:
    return unescape(re.sub(r"<[^>]+>", "", response.content.decode()))


def status_of(story: Story) -> str:
    return Story.objects.get(pk=story.pk).status


def test_nothing_stands_in_the_way_of_the_sample_story():
    story = load_sample_story()
    assert publishing.obstacles(story, story.texts.order_by("position")) == []


@pytest.mark.parametrize(
    ("fields", "texts", "sentence"),
    [
        ({}, [], "There is no text yet"),
        ({}, [{"body": "STOP"}, {"body": " \n"}], "Text 2: Write a text or choose a picture."),
        ({}, [{"body": "STOP"}, {"body": "x" * 1601}], "Text 2: A text can have at most 1,600 characters"),
        ({}, [{"body": "STOP", "media": "pictures/gone.png"}], "Text 1: Its picture is no longer there"),
        ({}, [{"body": "Don't stop me. STOPPING is hard."}], "does not say how to stop"),
        ({"keyword": "HELP"}, [{"body": "STOP"}], "HELP has a meaning of its own"),
        ({"keyword": "TAKEN"}, [{"body": "STOP"}], "TAKEN already starts “Other”"),
        ({"weight": 0}, [{"body": "STOP"}], "Nobody could start it"),
    ],
)
def test_each_obstacle_is_a_sentence_on_a_story_that_is_not_saved_yet(fields, texts, sentence):
    make_story(title="Other", keyword="taken")
    [obstacle] = publishing.obstacles(Story(title="New", **fields), [StoryText(**text) for text in texts])
    assert sentence in obstacle


def test_without_a_number_nobody_could_text(settings):
    settings.TWILIO_NUMBER = ""
    [obstacle] = publishing.obstacles(Story(), [StoryText(body="STOP")])
    assert "no phone number" in obstacle
    settings.TWILIO_MESSAGING_SERVICE_SID = "MG1"
    assert publishing.obstacles(Story(), [StoryText(body="STOP")]) == []


def test_a_picture_that_is_there_is_no_obstacle():
    text = StoryText(body="Reply “STOP” to end.")
    text.media = text.media.storage.save("pictures/x.png", ContentFile(b"x"))
    assert publishing.obstacles(Story(), [text]) == []


def test_a_story_is_written_and_published_in_one_save(journalist):
    response = publish(journalist, Story(title="The River", keyword="river"), [{"body": FIRST[0]}])
    story = Story.objects.get()
    assert story.status == "published"
    assert "Published. Readers can text RIVER to +1 500-555-0006." in words(response)
    assert response.redirect_chain[0][0] == page_of(story)


def test_what_stands_in_the_way_is_listed_at_once_and_what_was_typed_is_kept(journalist):
    rows = [{"body": "No way out"}, {"body": "y" * 1601}, {"body": "", "wait": "1 hour"}]
    response = publish(journalist, Story(title="The River", keyword="river", weight=0), rows)
    page = words(response)
    assert "Not published yet, and not saved." in page
    for sentence in ("how to stop", "Text 2: A text can have at most 1,600", "Text 3: Write a text"):
        assert sentence in page
    assert "No way out" in page
    assert "y" * 1601 in page
    assert not Story.objects.exists()


def test_a_draft_is_saved_whatever_stands_in_the_way(journalist):
    rows = [{"body": "z" * 5000}, {"body": "", "wait": "1 hour"}]
    assert journalist.post(ADD, form_of(Story(title="The River"), rows)).status_code == 302
    story = Story.objects.get()
    assert bodies(story) == ["z" * 5000, ""]
    page = words(journalist.get(page_of(story)))
    assert "Before it can be published:" in page
    assert "this one has 5,000" in page


def test_texts_are_judged_in_the_order_of_the_form(journalist):
    story = make_story([("second", 0), FIRST], status="draft")
    publish(journalist, story)
    assert status_of(story) == "draft"
    publish(journalist, story, [{"ORDER": 2}, {"ORDER": 1}])
    assert status_of(story) == "published"


def test_a_published_story_stays_free_of_obstacles(journalist):
    story = make_story([FIRST, ("b", 0)])
    for rows in ([{"DELETE": "on"}, {"DELETE": "on"}], [{"body": "no way out"}], [{}, {"body": ""}]):
        response = journalist.post(page_of(story), form_of(story, rows))
        assert "Not saved, since readers would get it like this." in words(response)
    assert bodies(story) == [FIRST[0], "b"]


def test_a_live_story_that_never_said_how_to_stop_is_warned_and_saved(journalist):
    story = make_story([("a", 0), ("b", 0)])
    assert journalist.post(page_of(story), form_of(story, [{}, {"body": "c"}])).status_code == 302
    assert bodies(story) == ["a", "c"]
    assert "does not say how to stop" in words(journalist.get(page_of(story)))


def test_such_a_story_cannot_be_published_anew(journalist):
    story = make_story([("a", 0)])
    journalist.post(reverse("admin:stories_story_unpublish", args=[story.pk]))
    assert "does not say how to stop" in words(publish(journalist, story))
    assert status_of(story) == "draft"


@pytest.mark.parametrize(
    ("status", "action", "then", "said"),
    [
        ("published", "unpublish", "draft", "Back to draft: nobody can start it now."),
        ("published", "archive", "archived", "Archived: nobody can start it now."),
        ("draft", "archive", "archived", "Archived: nobody can start it now."),
        ("archived", "unpublish", "draft", "It is a draft again."),
    ],
)
def test_each_change_of_status_asks_says_how_many_read_and_is_done(journalist, status, action, then, said):
    story = make_story([FIRST, ("b", 60)], status=status)
    for _ in range(2):
        make_enrollment(story=story, sent=1)
    url = reverse(f"admin:stories_story_{action}", args=[story.pk])
    assert f'href="{url}"' in journalist.get(page_of(story)).content.decode()
    assert "2 readers are still reading; they get the rest." in words(journalist.get(url))
    assert status_of(story) == status
    assert f"{said} 2 readers are still reading; they get the rest." in words(journalist.post(url, follow=True))
    assert status_of(story) == then


def test_a_change_of_status_that_is_there_already_is_said(journalist):
    story = make_story(status="archived")
    page = journalist.post(reverse("admin:stories_story_archive", args=[story.pk]), follow=True)
    assert "It is archived already." in words(page)


def test_an_archived_story_is_published_again(journalist):
    story = make_story([FIRST], status="archived")
    assert 'value="Publish again"' in journalist.get(page_of(story)).content.decode()
    publish(journalist, story)
    assert status_of(story) == "published"


def test_one_who_may_only_look_changes_no_status(client):
    user = User.objects.create_user("looker", is_staff=True)
    permissions = Group.objects.get(name="Journalists").permissions
    user.user_permissions.set(permissions.filter(codename__startswith="view_"))
    client.force_login(user)
    story = make_story()
    url = reverse("admin:stories_story_archive", args=[story.pk])
    assert url not in client.get(page_of(story)).content.decode()
    assert client.post(url).status_code == 403
    assert status_of(story) == "published"


def test_a_draft_that_some_still_read_is_warned_of_what_cannot_be_sent(journalist):
    story = make_story([FIRST, ("b", 60)], status="draft")
    assert "To be mended" not in words(journalist.get(page_of(story)))
    Story.objects.update(status="archived")
    make_enrollment(story=story, sent=1)
    story.texts.filter(body="b").update(body="")
    assert "Text 2: Write a text or choose a picture." in words(journalist.get(page_of(story)))


def test_a_correction_tells_how_many_had_the_old_wording_and_will_get_the_new(journalist):
    story = make_story([FIRST, ("b", 60), ("c", 60)])
    for sent in (1, 2, 2, 3):
        make_enrollment(story=story, sent=sent)
    page = words(journalist.post(page_of(story), form_of(story, [{}, {"body": "B"}, {"wait": "1 hour"}]), follow=True))
    assert "Text 2: 3 readers had it as it was, 1 reader will get it as it now reads." in page
    assert "Text 3:" not in page


def test_of_many_corrections_ten_are_told(journalist):
    story = make_story([FIRST] + [("b", 60)] * 14)
    make_enrollment(story=story)
    rows = [{}] + [{"body": "B"}] * 14
    page = words(journalist.post(page_of(story), form_of(story, rows), follow=True))
    assert "Text 11: nobody had it as it was, 1 reader will get it" in page
    assert "… and 4 more texts." in page


def test_where_answers_decide_readers_may_get_a_text(journalist):
    story = make_pier()
    Story.objects.filter(pk=story.pk).update(keyword="PIER")
    story.refresh_from_db()
    make_enrollment(story=story)
    page = words(journalist.post(page_of(story), form_of(story, [{}] * 4 + [{"body": "Left alone."}]), follow=True))
    assert "Text 5: nobody had it as it was, 1 reader may get it as it now reads." in page


def told(story: Story) -> list[tuple[int, int]]:
    return [(one.had, one.will_get) for one in reach(story, list(story.texts.values_list("pk", flat=True)))]


def test_a_reader_who_is_past_a_later_text_will_not_get_it():
    story = make_story([FIRST, ("b", 60), ("c", 60)])
    story.texts.update(created_at=timezone.now() - timedelta(days=2))
    make_enrollment(story=story, sent=2)
    new = StoryText.objects.create(story=story, position=4, body="x")
    first, *rest = story.texts.order_by("position").values_list("pk", flat=True)
    story.arrange([first, new.pk, *rest[:-1]], timezone.now())
    assert told(story) == [(1, 0), (0, 0), (1, 0), (0, 1)]


def test_those_who_stopped_or_completed_had_it_and_will_get_nothing():
    story = make_story([FIRST, ("b", 60)])
    make_enrollment(story=story, sent=2)
    make_enrollment(story=story, sent=1, status="stopped")
    make_enrollment(story=story, sent=1, status="paused")
    assert told(story) == [(3, 0), (1, 1)]


def test_counting_asks_as_often_for_many_texts_and_readers(django_assert_max_num_queries):
    story = make_story([("a", 60)] * 30)
    for sent in range(10):
        make_enrollment(story=story, sent=sent)
    texts = list(story.texts.values_list("pk", flat=True))
    with django_assert_max_num_queries(4):
        reach(story, texts)


def test_the_list_has_the_status_as_text_and_a_filter(journalist):
    make_story(title="Over", status="archived")
    page = journalist.get(reverse("admin:stories_story_changelist")).content.decode()
    assert re.search(r'field-status">Archived<', page)
    assert "?status__exact=archived" in page
