"""Pictures on a distant storage: no transaction waits for it, and what was not saved does not stay there."""

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import InMemoryStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import post_save

from stories.models import Story, StoryText

from .factory import make_story
from .pictures import make_picture
from .test_admin import form_of, page_of

pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True)]

SCRIPT = "---\ntitle: The Lamp\n---\n![A lamp](lamp.png)\n\nLook."


class DistantStorage(InMemoryStorage):
    """Refuses whatever would keep a transaction waiting."""

    def _save(self, name, content):
        assert not connection.in_atomic_block
        return super()._save(name, content)

    def delete(self, name):
        assert not connection.in_atomic_block
        super().delete(name)


@pytest.fixture(autouse=True)
def distant(settings):
    here = f"{__name__}.{DistantStorage.__name__}"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": here, "OPTIONS": {"base_url": "/media/"}}}


@pytest.fixture
def journalist(client):
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def failing():
    """Let each saving of a text fail, when all of it is done."""

    def fail(**kwargs):
        raise RuntimeError("The database has gone away.")

    post_save.connect(fail, StoryText)
    yield
    post_save.disconnect(fail, StoryText)


def stored_names() -> list[str]:
    return default_storage.listdir("pictures")[1] if default_storage.exists("pictures") else []


def send(client, story: Story, **row):
    picture = SimpleUploadedFile("lamp.png", make_picture())
    return client.post(page_of(story), form_of(story, [{"media": picture, **row}]))


def test_a_picture_is_stored_before_the_transaction_that_saves_its_text(journalist):
    story = make_story([("Look.", 0)])
    assert send(journalist, story).status_code == 302
    assert [f"pictures/{name}" for name in stored_names()] == [story.texts.get().media.name]


def test_a_picture_of_a_form_that_is_refused_does_not_stay(journalist):
    story = make_story([("Look.", 0)])
    assert send(journalist, story, wait="soon").status_code == 200
    assert stored_names() == []
    assert not story.texts.get().media


def test_a_picture_does_not_stay_when_saving_fails(journalist, failing):
    story = make_story([("Look.", 0)])
    with pytest.raises(RuntimeError):
        send(journalist, story)
    assert stored_names() == []


def test_who_may_not_change_a_story_stores_nothing(client):
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert send(client, make_story([("Look.", 0)])).status_code == 403
    assert stored_names() == []


def test_a_picture_beside_a_script_is_stored_before_the_transaction_and_once(tmp_path):
    (tmp_path / "lamp.png").write_bytes(make_picture())
    (tmp_path / "lamp.txt").write_text(SCRIPT)
    for _ in range(2):
        call_command("importstory", str(tmp_path / "lamp.txt"))
        assert [f"pictures/{name}" for name in stored_names()] == [StoryText.objects.get().media.name]


def test_a_picture_beside_a_script_does_not_stay_when_importing_fails(tmp_path, failing):
    (tmp_path / "lamp.png").write_bytes(make_picture())
    (tmp_path / "lamp.txt").write_text(SCRIPT)
    with pytest.raises(RuntimeError):
        call_command("importstory", str(tmp_path / "lamp.txt"))
    assert stored_names() == []
