import re
from datetime import time, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import OrmQ
from PIL import Image

from stories.models import Story, StoryText
from stories.quiet import parse_quiet_hours
from stories.turns import choices_in_words
from stories.waits import Wait, delay_in_words, wait_in_words
from subscribers.tests.factory import make_enrollment

from .factory import make_story
from .pictures import make_picture

pytestmark = [pytest.mark.django_db, pytest.mark.screens]

CHANGELIST = reverse("admin:stories_story_changelist")
ADD = reverse("admin:stories_story_add")


@pytest.fixture
def journalist(client):
    user = User.objects.create_user("jo", password="pw", is_staff=True)
    user.groups.add(Group.objects.get(name="Journalists"))
    client.force_login(user)
    return client


def page_of(story: Story) -> str:
    return reverse("admin:stories_story_change", args=[story.pk])


def form_of(story: Story, rows=None, **fields) -> dict:
    """Return what the browser posts: the story's texts as they are, changed by `rows` (a list of dicts, by index).

    A row beyond the story's texts is a new text.
    """
    texts, rows = list(story.texts.order_by("position")) if story.pk else [], rows or []
    total = max(len(texts), len(rows))
    data = {
        "title": story.title,
        "slug": story.slug,
        "keyword": story.keyword or "",
        "summary": story.summary,
        "weight": story.weight,
        "texts-TOTAL_FORMS": total,
        "texts-INITIAL_FORMS": len(texts),
        "texts-MIN_NUM_FORMS": 0,
        "texts-MAX_NUM_FORMS": 1000,
    }
    for index in range(total):
        text = texts[index] if index < len(texts) else StoryText()
        row = {"id": text.pk or "", "story": story.pk or "", "body": text.body, "wait": wait_in_words(text.wait)}
        row |= {"label": text.label, "follows": text.follows, "leads_to": text.leads_to}
        row |= question_row(text) if text.asks else {}
        row |= {"ORDER": index + 1, "media_url": text.media_url} | (rows[index] if index < len(rows) else {})
        data |= {f"texts-{index}-{name}": value for name, value in row.items()}
    return data | fields


def question_row(text: StoryText) -> dict:
    """Return the fields that only a text that asks has on the page."""
    within = delay_in_words(text.answer_within) if text.answer_within else ""
    row = {name: getattr(text, name) for name in ("hint", "keeps", "default_answer", "reminder")}
    return row | {"choices": choices_in_words(text.choices), "answer_within": within}


def bodies(story: Story) -> list[str]:
    texts = list(story.texts.order_by("position"))
    assert [text.position for text in texts] == list(range(1, len(texts) + 1))
    return [text.body for text in texts]


def test_a_journalist_writes_a_story_with_its_texts(journalist):
    story = Story(title="The River", slug="river", keyword="river")
    rows = [
        {"body": "One\r\ntwo", "wait": "right away"},
        {"body": "Three", "wait": "after 2 hours and 30 minutes, at 8:00"},
        {"body": "Four", "wait": "tomorrow at 9 pm"},
    ]
    response = journalist.post(ADD, form_of(story, rows))
    assert response.status_code == 302
    story = Story.objects.get()
    assert story.keyword == "RIVER"
    first, second, third = story.texts.order_by("position")
    assert (first.position, first.body, first.delay) == (1, "One\ntwo", timedelta(0))
    assert (second.position, second.delay, second.at) == (2, timedelta(hours=2, minutes=30), time(8))
    assert (third.position, third.delay, third.days, third.at) == (3, timedelta(0), 1, time(21))


@pytest.mark.parametrize(
    ("title", "typed", "slugs"),
    [
        ("Quick one", "", ["quick-one", "quick-one-2", "quick-one-3"]),
        # What the page's script makes of the title comes as if it had been typed.
        ("Quick one", "quick-one", ["quick-one", "quick-one-2", "quick-one-3"]),
        ("東京物語", "", ["story", "story-2", "story-3"]),
        ("🚢", "", ["story", "story-2", "story-3"]),
        ("A title " * 10, "", ["a-title-" * 6 + "a-", "a-title-" * 5 + "a-ti-2", "a-title-" * 5 + "a-ti-3"]),
    ],
)
def test_a_story_gets_an_address_of_its_own_from_its_title(journalist, title, typed, slugs):
    for slug in slugs:
        assert journalist.post(ADD, form_of(Story(title=title, slug=typed))).status_code == 302
        assert Story.objects.filter(slug=slug).exists()


def test_an_address_that_cannot_be_is_refused_in_words(journalist):
    make_story(slug="river")
    story = make_story(slug="bus")
    page = journalist.post(page_of(story), form_of(story, slug="river")).content.decode()
    assert "Another story already has this address." in page
    page = journalist.post(page_of(story), form_of(story, slug="the bus")).content.decode()
    assert "An address has letters without accents, digits and hyphens, nothing else." in page


@pytest.mark.parametrize("title", ["\u200b", "\u2060 \u00ad", "\u3164", "\u2800\ufe0f"])
def test_a_title_that_nobody_can_see_is_refused(journalist, title):
    response = journalist.post(ADD, form_of(Story(title=title)))
    assert "Nobody can see this title" in response.context["adminform"].form.errors["title"][0]
    assert not Story.objects.exists()


@pytest.mark.parametrize("title", ["\U0001f6a2", "?", "\u6c34\u200b"])
def test_a_title_needs_no_more_than_one_character_that_shows(journalist, title):
    journalist.post(ADD, form_of(Story(title=title)))
    assert Story.objects.get().title == title


def test_an_address_that_was_emptied_follows_the_title_and_one_that_was_kept_stays(journalist):
    story = make_story(title="The Bus", slug="bus")
    assert journalist.post(page_of(story), form_of(story)).status_code == 302
    assert Story.objects.get().slug == "bus"
    assert journalist.post(page_of(story), form_of(story, slug="")).status_code == 302
    assert Story.objects.get().slug == "the-bus"


def test_two_texts_change_places(journalist):
    story = make_story([("a", 0), ("b", 0), ("c", 0)])
    journalist.post(page_of(story), form_of(story, [{"ORDER": 2}, {"ORDER": 1}, {"ORDER": 3}]))
    assert bodies(story) == ["b", "a", "c"]


def test_a_new_text_goes_where_it_was_inserted(journalist):
    story = make_story([("a", 0), ("b", 0), ("c", 0)])
    rows = [{"ORDER": 1}, {"ORDER": 3}, {"ORDER": 5}, {"ORDER": 2, "body": "x"}, {"ORDER": 4, "body": "y"}]
    journalist.post(page_of(story), form_of(story, rows))
    assert bodies(story) == ["a", "x", "b", "y", "c"]


def test_a_deleted_text_leaves_no_gap(journalist):
    story = make_story([("a", 0), ("b", 0), ("c", 0)])
    rows = [{}, {"DELETE": "on"}, {}, {"ORDER": 2, "body": "x"}, {"body": "never", "DELETE": "on"}]
    journalist.post(page_of(story), form_of(story, rows))
    assert bodies(story) == ["a", "x", "c"]


def test_moving_inserting_deleting_and_editing_go_together(journalist):
    story = make_story([(letter, 0) for letter in "abcdef"])
    rows = [{"ORDER": 6}, {"DELETE": "on"}, {"ORDER": 1}, {"ORDER": 5, "body": "D"}, {"ORDER": 4}, {"ORDER": 2}]
    journalist.post(page_of(story), form_of(story, [*rows, {"ORDER": 3, "body": "x"}]))
    assert bodies(story) == ["c", "f", "x", "e", "D", "a"]


def test_a_blank_new_text_is_none(journalist):
    story = make_story([("a", 0)])
    response = journalist.post(page_of(story), form_of(story, [{}, {"body": "", "wait": "right away"}]))
    assert response.status_code == 302
    assert bodies(story) == ["a"]


def test_the_order_survives_an_error(journalist):
    story = make_story([("a", 0), ("b", 0)])
    rows = [{"ORDER": 3}, {"ORDER": 1, "wait": "soon"}, {"ORDER": 2, "body": "x"}]
    response = journalist.post(page_of(story), form_of(story, rows))
    assert response.status_code == 200
    formset = response.context["inline_admin_formsets"][0].formset
    assert [form["ORDER"].value() for form in formset.forms] == ["3", "1", "2"]
    assert "“soon” is not understood" in formset.forms[1].errors["wait"][0]
    assert bodies(story) == ["a", "b"]


def test_a_text_that_somebody_else_added_meanwhile_stays(journalist):
    story = make_story([("a", 0), ("b", 0)])
    data = form_of(story, [{"ORDER": 2}, {"ORDER": 1}])
    StoryText.objects.create(story=story, position=3, body="theirs")
    journalist.post(page_of(story), data)
    assert bodies(story) == ["b", "a", "theirs"]


@pytest.mark.parametrize(
    ("row", "field", "sentence"),
    [
        ({"body": ""}, "__all__", "Write a text or choose a picture."),
        ({"body": "x" * 1601}, "__all__", "at most 1,600 characters; this one has 1,601"),
        ({"wait": "-1 hour"}, "wait", "without a minus"),
        ({"wait": "2 days at 8:00"}, "wait", "“2 days later at 8:00” for that day of the calendar"),
        ({"media_url": "not an address"}, "media_url", "Enter a valid URL."),
        ({"media_url": "ftp://example.org/a.png"}, "media_url", "A picture's link begins with https:// or http://."),
    ],
)
def test_what_is_wrong_with_a_text_is_said_at_the_text(journalist, row, field, sentence):
    story = make_story([("a", 0), ("b", 0)])
    response = journalist.post(page_of(story), form_of(story, [{}, row]))
    errors = response.context["inline_admin_formsets"][0].formset.errors
    assert errors[0] == {}
    assert sentence in errors[1][field][0]


def test_a_picture_is_uploaded_named_for_its_content_and_removed(journalist, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    story = make_story([("a", 0)])
    upload = SimpleUploadedFile("holiday.jpg", make_picture(), content_type="image/png")
    assert journalist.post(page_of(story), form_of(story, [{"media": upload}])).status_code == 302
    text = story.texts.get()
    assert text.media.name.startswith("pictures/")
    assert text.media.name.endswith(".png")
    assert text.media.url in journalist.get(page_of(story)).content.decode()
    journalist.post(page_of(story), form_of(story, [{"media-clear": "on"}]))
    assert not story.texts.get().media


def test_a_file_that_is_no_picture_is_refused_at_its_text(journalist):
    story = make_story([("a", 0)])
    for body in ("a", ""):
        upload = SimpleUploadedFile("x.png", b"no picture")
        response = journalist.post(page_of(story), form_of(story, [{"media": upload, "body": body}]))
        errors = response.context["inline_admin_formsets"][0].formset.errors
        assert errors == [{"media": ["This file is not a JPEG, PNG or GIF picture."]}]


def test_only_a_story_that_has_a_page_leads_to_it(journalist):
    for status, leads in [("draft", False), ("published", True), ("archived", True)]:
        page = journalist.get(page_of(make_story([("a", 0)], status=status))).content.decode()
        assert ("View on site" in page) == leads


def test_a_picture_may_have_words_of_its_own_and_may_do_without(journalist):
    story = make_story([("a", 0), ("b", 0)])
    rows = [{"media": SimpleUploadedFile("a.png", make_picture()), "alt": alt} for alt in ("A red field", "")]
    assert journalist.post(page_of(story), form_of(story, rows)).status_code == 302
    assert [text.picture.alt for text in story.texts.order_by("position")] == ["A red field", ""]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_no_transaction_waits_for_a_picture_to_be_made(client, monkeypatch):
    client.force_login(User.objects.create_superuser("root"))
    story = make_story([("a", 0)])
    within, thumbnail = [], Image.Image.thumbnail

    def watched(*args, **options):
        within.append(connection.in_atomic_block)
        return thumbnail(*args, **options)

    monkeypatch.setattr(Image.Image, "thumbnail", watched)
    upload = SimpleUploadedFile("a.png", make_picture())
    assert client.post(page_of(story), form_of(story, [{"media": upload}])).status_code == 302
    assert within == [False]


@pytest.mark.parametrize(
    ("rows", "tells"),
    [
        ([{}, {}], 0),
        ([{"ORDER": 2}, {"ORDER": 1}], 1),
        ([{"body": "changed"}, {}], 1),
        ([{"wait": "1 hour"}, {}], 1),
        ([{"wait": "at 8:00"}, {}], 1),
        ([{"wait": "0 minutes"}, {}], 0),
        ([{"DELETE": "on"}, {}], 1),
        ([{}, {}, {"body": "new"}], 1),
        ([{}, {}, {"body": ""}], 0),
    ],
)
def test_readers_follow_a_story_only_when_its_texts_changed(journalist, rows, tells):
    story = make_story([("a", 0), ("b", 0)])
    response = journalist.post(page_of(story), form_of(story, rows, summary="Other words."))
    assert response.status_code == 302
    assert OrmQ.objects.count() == tells


def test_an_empty_field_shows_the_newsrooms_quiet_hours(journalist, settings):
    for hours in ("21:30 to 6:00", "off"):
        settings.QUIET_HOURS = parse_quiet_hours(hours)
        assert f'placeholder="{hours}"' in journalist.get(page_of(make_story())).content.decode()


def test_readers_follow_a_storys_quiet_hours(journalist):
    story = make_story([("a", 0), ("b", 0)], quiet="off")
    journalist.post(page_of(story), form_of(story, [{}, {}], quiet="off"))
    assert OrmQ.objects.count() == 0
    page = journalist.post(page_of(story), form_of(story, [{}, {}], quiet="late")).content.decode()
    assert "“late” is not understood; write quiet hours as “21:00 to 8:00”, or “off” for none." in page
    journalist.post(page_of(story), form_of(story, [{}, {}], quiet=""))
    assert OrmQ.objects.count() == 1
    story.refresh_from_db()
    assert story.quiet == ""


def test_deleting_a_story_that_has_readers_is_refused_in_words(journalist):
    story = make_enrollment().story
    url = reverse("admin:stories_story_delete", args=[story.pk])
    page = journalist.get(url).content.decode()
    assert "has readers" in page
    assert "Archive it instead" in page
    journalist.post(url, {"post": "yes"})
    assert Story.objects.filter(pk=story.pk).exists()
    chosen = {"action": "delete_selected", "_selected_action": story.pk}
    assert "has readers" in journalist.post(CHANGELIST, chosen).content.decode()


def test_a_story_without_readers_is_deleted(journalist):
    story = make_story()
    journalist.post(reverse("admin:stories_story_delete", args=[story.pk]), {"post": "yes"})
    assert not Story.objects.exists()


@pytest.mark.parametrize("key", ["0", "abc", "a_2Fb", "9" * 30])
def test_the_address_of_no_story_leads_home_with_a_word(journalist, key):
    response = journalist.get(f"{CHANGELIST}{key}/change/", follow=True)
    assert response.redirect_chain == [(reverse("admin:index"), 302)]
    assert "doesn’t exist" in response.content.decode()
    assert journalist.get(f"{CHANGELIST}{key}/preview/").status_code == 404


def test_the_list_finds_stories_and_leads_to_their_pages(journalist):
    make_story([("the old mill", 0), ("the mill again", 0)], title="The River", slug="river")
    make_story(title="The Bus", slug="bus", status="draft")
    page = journalist.get(CHANGELIST, {"q": "mill"}).content.decode()
    assert "The River" in page
    assert "The Bus" not in page
    assert re.search(r"field-texts_count[^>]*>2<", page)
    assert 'href="/s/river/"' in page
    page = journalist.get(CHANGELIST, {"status": "draft"}).content.decode()
    assert "The Bus" in page
    assert 'href="/s/bus/"' not in page


@pytest.fixture
def looker(client):
    user = User.objects.create_user("looker", is_staff=True)
    permissions = Group.objects.get(name="Journalists").permissions
    user.user_permissions.set(permissions.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


def test_one_who_may_only_look_sees_a_story_and_changes_nothing(looker):
    story = make_story([("a", 7200), ("b", 0)])
    assert looker.get(page_of(story)).status_code == 200
    assert looker.post(page_of(story), form_of(story, [{"ORDER": 2}, {"ORDER": 1}])).status_code == 403
    assert bodies(story) == ["a", "b"]


def test_one_who_may_only_look_sees_waits_in_words(looker):
    story = make_story([("a", 7200), ("b", 0)])
    story.texts.filter(body="b").update(days=1, at=time(8))
    page = looker.get(page_of(story)).content.decode()
    assert re.findall(r'field-wait">.*?class="readonly">([^<]*)<', page, re.DOTALL) == ["2 hours", "next day at 8:00"]


def test_a_wait_that_was_refused_leaves_the_one_that_was(journalist):
    story = make_story([("a", 7200)])
    response = journalist.post(page_of(story), form_of(story, [{"wait": "next morning"}]))
    page = response.content.decode()
    assert 'value="next morning"' in page
    assert 'aria-describedby="texts-help id_texts-0-wait_error"' in page
    assert 'id="id_texts-0-wait_error"' in page
    assert story.texts.get().wait == Wait(delay=timedelta(hours=2))


def test_one_who_may_change_stories_but_not_texts_leaves_the_texts_alone(client):
    user = User.objects.create_user("titler", is_staff=True)
    permissions = Group.objects.get(name="Journalists").permissions
    user.user_permissions.set(permissions.filter(codename__in=["view_story", "change_story", "view_storytext"]))
    client.force_login(user)
    story = make_story([("a", 0), ("b", 0)])
    data = form_of(story, [{"ORDER": 2, "body": "x"}, {"ORDER": 1, "DELETE": "on"}, {"body": "new"}], title="Other")
    assert client.post(page_of(story), data).status_code == 302
    story.refresh_from_db()
    assert story.title == "Other"
    assert bodies(story) == ["a", "b"]


def queries(client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_the_list_of_stories_asks_as_often_for_50_as_for_5(journalist):
    for _ in range(5):
        make_story()
    few = queries(journalist, CHANGELIST)
    for _ in range(45):
        make_story()
    assert queries(journalist, CHANGELIST) == few <= 8


def test_the_page_of_a_story_asks_as_often_for_50_texts_as_for_5(journalist):
    few, many = (queries(journalist, page_of(make_story([("text", 0)] * count))) for count in (5, 50))
    assert few == many <= 11


def test_no_page_has_a_style_or_a_script_inside(journalist):
    story = make_story()
    for url in (reverse("admin:index"), CHANGELIST, ADD, page_of(story), story.get_absolute_url()):
        page = journalist.get(url).content.decode()
        assert " style=" not in page, url
        assert "<script>" not in page, url


def test_the_readers_page_says_how_to_start_and_how_to_stop(client, settings):
    story = make_story(title="The River", slug="river", keyword="river bank", summary="Why it floods.")
    page = client.get(story.get_absolute_url()).content.decode()
    assert "RIVER BANK" in page
    assert 'href="sms:+15005550006?&amp;body=RIVER%20BANK"' in page
    assert "+1 500-555-0006" in page
    assert "STOP" in page
    assert "Message and data rates may apply." in page
    page = client.get(make_story(slug="other").get_absolute_url()).content.decode()
    assert "anything" in page
    assert 'href="sms:+15005550006"' in page


def test_a_draft_has_no_page(client):
    assert client.get(make_story(status="draft").get_absolute_url()).status_code == 404


def test_pages_that_are_not_there_or_not_allowed_say_so_in_words(client):
    assert "There is nothing here" in client.get("/s/no-such-story/").content.decode()
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert "You may not see this page" in client.get(CHANGELIST).content.decode()
