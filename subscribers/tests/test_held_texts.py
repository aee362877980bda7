"""A text on hold stays: whoever deletes it would lift the hold, and its readers would go on."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from stories import history
from stories.scripts.drafts import ScriptError, draft_of
from stories.scripts.importing import plan_import
from stories.scripts.pictures import Pictures
from stories.tests.factory import make_story
from stories.tests.test_admin import form_of, page_of
from subscribers import holds
from subscribers.models import Hold

pytestmark = pytest.mark.django_db
SENTENCE = "Text 2 is on hold (a wrong name), so it cannot be deleted until somebody releases it."


@pytest.fixture
def journalist(client):
    client.force_login(User.objects.create_superuser("jo"))
    return client


@pytest.fixture
def story():
    story = make_story([("It begins. Reply STOP to end.", 0), ("b", 60), ("c", 60)], keyword="river")
    Hold.objects.create(story=story, text=story.texts.get(position=2), reason="a wrong name")
    return story


def bodies(story) -> list[str]:
    return list(story.texts.order_by("position").values_list("body", flat=True))


def test_a_text_on_hold_is_deleted_only_once_it_is_released_and_nothing_typed_is_lost(journalist, story):
    form = form_of(story, [{"body": "Typed. Reply STOP to end."}, {"DELETE": "on"}])
    page = journalist.post(page_of(story), form).content.decode()
    assert SENTENCE in page
    assert "Typed." in page
    assert len(bodies(story)) == 3
    holds.release(Hold.objects.get(), timezone.now())
    assert journalist.post(page_of(story), form).status_code == 302
    assert bodies(story) == ["Typed. Reply STOP to end.", "c"]


def test_a_version_without_a_text_on_hold_is_not_put_back(journalist, story):
    entry = history.keep(story, timezone.now())
    added = story.texts.create(body="d", position=4)
    Hold.objects.create(story=story, text=added, reason="a wrong date")
    address = reverse("admin:stories_story_put_back", args=[story.pk, entry.pk])
    assert "Text 4 is on hold (a wrong date)" in journalist.post(address).content.decode()
    assert bodies(story)[-1] == "d"


def test_an_import_without_a_text_on_hold_is_refused(story):
    draft = draft_of(story)
    del draft.texts[1]
    with pytest.raises(ScriptError) as refused:
        plan_import(draft, Pictures(draft))
    assert [problem.sentence for problem in refused.value.problems] == [SENTENCE]
