"""Two journalists on one story: the second to save is told what the first has changed."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from threading import Barrier

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from stories import history
from stories.models import Story, StoryText

from .factory import make_story
from .pictures import make_picture
from .test_admin import bodies, form_of, page_of

FIRST = ("It begins. Reply STOP to end.", 0)


class Journalist:
    """One person in front of a browser, with the story's page open."""

    def __init__(self, name: str, story: Story):
        self.client = Client()
        self.client.force_login(User.objects.create_superuser(name, first_name=name))
        self.open(story)

    def open(self, story: Story) -> None:
        self.url = page_of(story)
        page = self.client.get(self.url).content.decode()
        version = re.search(r'name="_version" value="(\d+)"', page)[1]
        self.story, self.opened = story, form_of(story) | {"_version": version}

    def save(self, rows=(), **fields):
        """Post what was opened, changed by these rows (dicts by index; new ones follow) and fields."""
        data = self.opened | fields
        for index, row in enumerate(rows):
            data |= {f"texts-{index}-{name}": value for name, value in row.items()}
        data["texts-TOTAL_FORMS"] = max(len(rows), data["texts-TOTAL_FORMS"])
        return self.client.post(self.url, data)


def words(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def over(response) -> str:
    return re.search(r'name="_over" id="id_over" value="(\d+)"', response.content.decode())[1]


@pytest.fixture
def story(db):
    story = make_story([FIRST, ("b", 60), ("c", 60)], title="The River")
    history.keep(story, timezone.now())
    return story


@pytest.fixture
def ada(story):
    return Journalist("Ada", story)


@pytest.fixture
def bo(story):
    return Journalist("Bo", story)


def test_the_second_to_save_is_told_who_saved_and_what_changed(story, ada, bo):
    assert ada.save([{}, {"body": "b by Ada"}, {"DELETE": "on"}], title="The Bank").status_code == 302
    response = bo.save([{}, {}, {"body": "c by Bo"}])
    assert response.status_code == 200
    page = words(response)
    assert "Ada saved this story while you had it open." in page
    for change in ("Text 2 changed", "b by Ada", "Text 3 removed", "The River Bank"):
        assert change in page
    assert bodies(story) == [FIRST[0], "b by Ada"]
    assert Story.objects.get().title == "The Bank"


def test_everything_that_the_second_typed_is_kept_even_in_a_text_that_is_gone(story, ada, bo):
    ada.save([{}, {"DELETE": "on"}])
    response = bo.save([{}, {"body": "b by Bo", "wait": "2 hours"}, {}, {"body": "new by Bo"}], summary="By Bo")
    formset = response.context["inline_admin_formsets"][0].formset
    assert [form["body"].value() for form in formset.forms] == [FIRST[0], "b by Bo", "c", "new by Bo"]
    assert formset.forms[1]["wait"].value() == "2 hours"
    assert formset.errors == [{}] * 4
    assert response.context["adminform"].form["summary"].value() == "By Bo"
    assert bodies(story) == [FIRST[0], "c"]


def test_a_picture_that_was_just_chosen_is_asked_for_again(story, ada, bo):
    ada.save([{}, {"body": "B"}])
    upload = SimpleUploadedFile("x.png", make_picture(), content_type="image/png")
    assert "has to be chosen again" in words(bo.save([{"media": upload}]))


def test_who_knows_it_may_save_over_it_and_the_first_version_is_in_the_history(story, ada, bo):
    ada.save([{}, {"body": "b by Ada"}, {"DELETE": "on"}, {"body": "new by Ada"}])
    adas = story.history.first()
    refused = bo.save([{}, {}, {"body": "c by Bo"}])
    OrmQ.objects.all().delete()
    response = bo.save([{}, {}, {"body": "c by Bo"}], _over=over(refused))
    assert response.status_code == 302
    assert bodies(story) == [FIRST[0], "b", "c by Bo"]
    assert "Saved over what Ada had changed." in words(bo.client.get(response.url))
    assert OrmQ.objects.exists()
    assert [row.body for row in history.version_of(adas).texts] == [FIRST[0], "b by Ada", "new by Ada"]
    assert story.history.first().history_user.username == "Bo"


def test_saving_over_is_refused_too_if_a_third_has_saved_meanwhile(story, ada, bo):
    ada.save([{}, {"body": "b by Ada"}])
    refused = bo.save([{}, {}, {"body": "c by Bo"}])
    cy = Journalist("Cy", story)
    cy.save([{}, {}, {"body": "c by Cy"}])
    again = bo.save([{}, {}, {"body": "c by Bo"}], _over=over(refused))
    assert "Ada and Cy saved this story while you had it open." in words(again)
    assert bodies(story) == [FIRST[0], "b by Ada", "c by Cy"]


def test_saving_over_with_an_error_leaves_the_others_work_as_it_is(story, ada, bo):
    ada.save([{}, {"body": "b by Ada"}])
    refused = bo.save([{}, {}, {"body": "c by Bo"}])
    response = bo.save([{}, {}, {"wait": "soon"}], _over=over(refused))
    assert "“soon” is not understood" in words(response)
    assert bodies(story) == [FIRST[0], "b by Ada", "c"]
    assert bo.save([{}, {}, {"wait": "1 hour"}], _over=over(refused)).status_code == 302


def test_a_status_that_somebody_changed_meanwhile_is_told(story, ada, bo):
    ada.client.post(reverse("admin:stories_story_archive", args=[story.pk]))
    assert "Published Archived" in words(bo.save([{}, {"body": "B"}]))


def test_a_save_that_changed_nothing_stands_in_nobodys_way(story, ada, bo):
    assert ada.save().status_code == 302
    assert bo.save([{}, {"body": "b by Bo"}]).status_code == 302


def test_one_person_saves_twice_on_the_page_that_came_back(story, ada):
    assert ada.save([{}, {"body": "once"}]).status_code == 302
    ada.open(story)
    assert ada.save([{}, {"body": "twice"}]).status_code == 302
    assert bodies(story)[1] == "twice"


def test_a_form_that_came_back_with_an_error_is_still_the_one_that_was_opened(story, ada, bo):
    refused = bo.save([{}, {"wait": "soon"}])
    assert f'name="_version" value="{bo.opened["_version"]}"' in refused.content.decode()
    ada.save([{}, {"body": "b by Ada"}])
    assert "Ada saved this story" in words(bo.save([{}, {"wait": "1 hour"}]))


def test_what_was_changed_elsewhere_is_nobodys_entry_and_told_too(story, ada):
    story.texts.filter(body="b").update(body="from a shell")
    assert "somebody saved this story while you had it open" in words(ada.save([{}, {}, {"body": "c by Ada"}]))
    ada.open(story)
    ada.save([{}, {}, {"body": "c by Ada"}])
    newest, elsewhere, _ = [history.version_of(entry) for entry in story.history.all()]
    assert [row.body for row in elsewhere.texts] == [FIRST[0], "from a shell", "c"]
    assert elsewhere.entry.history_user is None
    assert newest.entry.history_user.username == "Ada"


def delete(person, story):
    return person.client.post(reverse("admin:stories_story_delete", args=[story.pk]), {"post": "yes"})


def test_what_was_typed_in_a_story_that_somebody_deleted_meanwhile_becomes_a_new_one(story, ada, bo):
    assert delete(ada, story).status_code == 302
    upload = SimpleUploadedFile("x.png", make_picture(), content_type="image/png")
    rows = [{}, {"body": "b by Bo", "wait": "2 hours", "media": upload}, {"DELETE": "on"}, {"body": "new by Bo"}]
    refused = bo.save(rows, summary="By Bo", _publish="1")
    assert not Story.objects.exists()
    page = words(refused)
    assert re.search(r"Ada deleted this story on \d+ \w+, \d\d:\d\d, while you had it open\.", page)
    assert "Saving makes it a new story, a draft." in page
    assert "have to be chosen again" in page
    add = reverse("admin:stories_story_add")
    assert f'action="{add}"' in refused.content.decode()
    assert refused.context["preview_url"] == reverse("admin:stories_story_preview_new")
    assert bo.client.post(add, posted_by(refused)).status_code == 302
    saved = Story.objects.get()
    assert saved.pk != story.pk
    assert (saved.title, saved.slug, saved.summary, saved.status) == ("The River", story.slug, "By Bo", "draft")
    assert bodies(saved) == [FIRST[0], "b by Bo", "new by Bo"]
    assert saved.texts.get(position=2).wait.delay == timedelta(hours=2)


def posted_by(page) -> dict:
    """Return what the browser posts from a page that came back."""
    form, formset = page.context["adminform"].form, page.context["inline_admin_formsets"][0].formset
    fields = [*form, *formset.management_form, *(field for text in formset.forms for field in text)]
    html = page.content.decode()
    values = {field.html_name: field.value() for field in fields if f'name="{field.html_name}"' in html}
    return {name: value for name, value in values.items() if value not in (None, False)}


def test_a_story_that_is_gone_without_a_trace_is_told_of_too(story, ada):
    story.delete()
    page = words(ada.save([{}, {"body": "b by Ada"}]))
    assert "Somebody deleted this story, while you had it open." in page
    assert "chosen again" not in page


def test_who_may_not_add_a_story_gets_the_words_typed_in_a_deleted_one_to_copy(story, ada, bo):
    User.objects.filter(username="Bo").update(is_superuser=False, is_staff=True)
    names = ["view_story", "change_story", "change_storytext", "view_storytext"]
    User.objects.get(username="Bo").user_permissions.set(Permission.objects.filter(codename__in=names))
    delete(ada, story)
    rows = [{"ORDER": 2}, {"body": "b by Bo", "ORDER": 1}, {"DELETE": "on"}]
    page = words(bo.save(rows, summary="By Bo"))
    assert "Ada deleted this story on" in page
    assert f"The River By Bo b by Bo {FIRST[0]}" in page
    assert not Story.objects.exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_who_save_at_the_same_moment_one_is_told():
    for number in range(4):
        story = make_story([FIRST, ("b", 60), ("c", 60)])
        history.keep(story, timezone.now())
        people = [Journalist(f"{name}{number}", story) for name in ("Ada", "Bo", "Cy")]
        barrier = Barrier(len(people))

        def save(person, barrier=barrier):
            try:
                barrier.wait(10)
                name = person.client.session["_auth_user_id"]
                return person.save([{}, {"body": f"b {name}"}, {"body": f"c {name}"}]).status_code
            finally:
                connections.close_all()

        with ThreadPoolExecutor(len(people)) as pool:
            assert sorted(pool.map(save, people)) == [200, 200, 302]
        second, third = StoryText.objects.filter(story=story, position__gt=1).order_by("position")
        assert second.body[2:] == third.body[2:]
