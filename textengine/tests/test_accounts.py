import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("role", "readers"), [("journalist", 403), ("editor", 200)])
def test_an_account_of_a_role_is_made_in_one_step(client, capsys, role, readers):
    call_command("addaccount", "jo", role)
    password = capsys.readouterr().out.split("the password ")[1].split()[0]
    client.post(reverse("admin:login"), {"username": "jo", "password": password})
    assert client.get(reverse("admin:stories_story_changelist")).status_code == 200
    assert client.get(reverse("admin:subscribers_message_changelist")).status_code == readers


@pytest.mark.parametrize(
    ("name", "sentence"), [("jo", "already exists"), ("j o", "Enter a valid username"), ("", "cannot be blank")]
)
def test_a_name_that_cannot_be_is_refused_in_words(name, sentence):
    User.objects.create_user("jo")
    with pytest.raises(CommandError, match=sentence):
        call_command("addaccount", name, "editor")
    assert User.objects.count() == 1
