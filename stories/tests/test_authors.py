"""Whose stories one finds and may change."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from stories.models import Story

from .factory import make_story

pytestmark = [pytest.mark.django_db, pytest.mark.screens]

SCRIPT = "---\ntitle: {title}\n---\nOne. Reply STOP to end.\n"
LIST = reverse("admin:stories_story_changelist")


def somebody(client, group: str, name: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    return user


@pytest.fixture
def theirs(client) -> Story:
    """A colleague's story, when Jo, a journalist, is logged in."""
    somebody(client, "Journalists", "colleague")
    story = make_story(title="The Bus", slug="the-bus")
    somebody(client, "Journalists", "jo")
    return story


def story_page(story: Story, name: str = "change") -> str:
    return reverse(f"admin:stories_story_{name}", args=[story.pk])


def posted(story: Story, **fields) -> dict:
    texts = {"texts-TOTAL_FORMS": "0", "texts-INITIAL_FORMS": "0"}
    return {"title": story.title, "slug": story.slug, "weight": "1"} | texts | fields


def test_a_journalist_finds_their_own_stories_and_no_others(client, theirs):
    own = make_story(title="The River")
    own.authors.set(User.objects.filter(username="jo"))
    html = client.get(LIST).content.decode()
    assert "The River" in html
    assert "The Bus" not in html
    assert client.get(story_page(own)).status_code == 200


def test_a_colleagues_story_is_as_if_it_were_not_there(client, theirs):
    for name in ("change", "delete", "history", "archive", "unpublish", "preview", "share"):
        assert client.get(story_page(theirs, name)).status_code in (302, 404), name
    client.post(story_page(theirs), posted(theirs, title="Mine"))
    client.post(story_page(theirs, "archive"))
    client.post(LIST, {"action": "delete_selected", "_selected_action": [theirs.pk], "post": "yes"})
    theirs.refresh_from_db()
    assert (theirs.title, theirs.status) == ("The Bus", Story.Status.PUBLISHED)


def test_a_file_does_not_change_a_colleagues_story(client, theirs):
    page = client.post(reverse("admin:stories_story_import"), {"source": SCRIPT.format(title="The Bus")})
    assert "plan" not in page.context
    assert theirs.texts.count() == 2


def test_a_colleagues_deleted_story_stays_theirs(client, theirs):
    client.force_login(User.objects.get(username="colleague"))
    client.post(story_page(theirs, "delete"), {"post": "yes"})
    deleted = reverse("admin:stories_story_deleted")
    assert "The Bus" in client.get(deleted).content.decode()
    client.force_login(User.objects.get(username="jo"))
    assert "The Bus" not in client.get(deleted).content.decode()


def test_who_adds_or_imports_a_story_writes_it(client, theirs):
    client.post(reverse("admin:stories_story_add"), posted(Story(title="The River", slug="the-river")))
    source = {"source": SCRIPT.format(title="The Pier")}
    page = client.post(reverse("admin:stories_story_import"), source)
    client.post(reverse("admin:stories_story_import"), source | {"seen": page.context["plan"].seen, "save": "Save"})
    for title in ("The River", "The Pier"):
        assert [user.username for user in Story.objects.get(title=title).authors.all()] == ["jo"]


def test_a_journalist_gives_nobody_a_story(client, theirs):
    own = make_story([], status="draft")
    own.authors.set(User.objects.filter(username="jo"))
    assert "Who writes it" not in client.get(story_page(own)).content.decode()
    client.post(story_page(own), posted(own, authors=[User.objects.get(username="colleague").pk]))
    assert [user.username for user in own.authors.all()] == ["jo"]


def test_an_editor_sees_all_stories_and_says_whose_each_is(client, theirs):
    own = make_story([], status="draft")
    somebody(client, "Editors", "eddie")
    html = client.get(LIST).content.decode()
    assert "The Bus" in html
    assert "Who writes it" in client.get(story_page(own)).content.decode()
    client.post(story_page(own), posted(own, authors=[User.objects.get(username="jo").pk]))
    assert [user.username for user in own.authors.all()] == ["jo"]
