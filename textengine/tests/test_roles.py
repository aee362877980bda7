"""Every address of the newsroom as each role and as nobody: one that is not in the table fails."""

import re
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection, transaction
from django.db.models import QuerySet
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone
from django.views.generic import RedirectView
from django_q.models import OrmQ, Schedule, Task
from django_q.tasks import async_task

from stories import history
from stories.models import Price, Story, StoryText
from stories.tests.factory import make_story
from subscribers.models import Access, Correction, Export, Hold, Message, Reply, Sender, SystemText, Tag
from subscribers.tests.desk import make_remark
from subscribers.tests.factory import make_enrollment
from textengine.accounts import GROUPS, make_account
from textengine.headers import PERMISSIONS_POLICY

pytestmark = [pytest.mark.django_db, pytest.mark.screens]

# In this order: nobody; an account without a role; a journalist before a colleague's story, and before their own; an
# editor, a desk chief, an operator.
ROLES = ["nobody", "plain", "other", "journalist", "editor", "desk-chief", "operator"]
# What each gets: the page (+), a refusal (-), the log-in page (l), nothing found (0), another page (>), that one does
# not get it by GET (5), that one has to say what (!), or that no worker runs (~). Where an address is one to post to,
# that is what is done, with nothing in the form.
PAGES = r"""
0000000  ^media/(?P<name>[A-Za-z0-9_/-]{1,150}\.(?:jpg|png|gif))$
l000000  admin/(?P<url>.*)$
l0+++++  admin:app_list
l------  admin:auth_group_add
l------  admin:auth_group_change
l------  admin:auth_group_changelist
l------  admin:auth_group_delete
l------  admin:auth_group_history
l------  admin:auth_user_add
l------  admin:auth_user_change
l------  admin:auth_user_changelist
l------  admin:auth_user_delete
l------  admin:auth_user_history
l------  admin:auth_user_password_change
l------  admin:autocomplete
l------  admin:django_q_failure_add
l-----+  admin:django_q_failure_change
l-----+  admin:django_q_failure_changelist
l------  admin:django_q_failure_delete
l-----+  admin:django_q_failure_history
l------  admin:django_q_ormq_add
l-----+  admin:django_q_ormq_change
l-----+  admin:django_q_ormq_changelist
l------  admin:django_q_ormq_delete
l-----+  admin:django_q_ormq_history
l------  admin:django_q_schedule_add
l-----+  admin:django_q_schedule_change
l-----+  admin:django_q_schedule_changelist
l------  admin:django_q_schedule_delete
l-----+  admin:django_q_schedule_history
l------  admin:django_q_success_add
l-----+  admin:django_q_success_change
l-----+  admin:django_q_success_changelist
l------  admin:django_q_success_delete
l-----+  admin:django_q_success_history
l++++++  admin:index
l++++++  admin:jsi18n
+>>>>>>  admin:login
>++++++  admin:logout
l++++++  admin:password_change
l++++++  admin:password_change_done
l------  admin:stories_price_add
l---+++  admin:stories_price_change
l---+++  admin:stories_price_changelist
l------  admin:stories_price_delete
l---+++  admin:stories_price_history
l-++++-  admin:stories_story_add
l00+++-  admin:stories_story_archive
l->++++  admin:stories_story_change
l-+++++  admin:stories_story_changelist
l->+++-  admin:stories_story_delete
l-+++++  admin:stories_story_deleted
l00++++  admin:stories_story_export
l>>++++  admin:stories_story_history
l-++++-  admin:stories_story_import
l-00000  admin:stories_story_linked
l-0++++  admin:stories_story_preview
l-++++-  admin:stories_story_preview_new
l00+++-  admin:stories_story_put_back
l00++++  admin:stories_story_share
l00++++  admin:stories_story_share_qr
l00++++  admin:stories_story_share_snippet
l00+++-  admin:stories_story_unpublish
l------  admin:subscribers_access_add
l------  admin:subscribers_access_change
l----+-  admin:subscribers_access_changelist
l------  admin:subscribers_access_delete
l------  admin:subscribers_access_history
l------  admin:subscribers_correction_add
l---++-  admin:subscribers_correction_change
l---++-  admin:subscribers_correction_changelist
l------  admin:subscribers_correction_delete
l---++-  admin:subscribers_correction_history
l---++-  admin:subscribers_correction_of_story
l---++-  admin:subscribers_correction_progress
l--->>-  admin:subscribers_correction_stop
l---++-  admin:subscribers_correction_write
l------  admin:subscribers_enrollment_add
l---++-  admin:subscribers_enrollment_change
l---++-  admin:subscribers_enrollment_changelist
l------  admin:subscribers_enrollment_delete
l---++-  admin:subscribers_enrollment_history
l--->>-  admin:subscribers_enrollment_send-now
l-+++++  admin:subscribers_export_add
l-00++0  admin:subscribers_export_change
l-+++++  admin:subscribers_export_changelist
l------  admin:subscribers_export_delete
l-00++0  admin:subscribers_export_file
l->>++>  admin:subscribers_export_history
l-00++0  admin:subscribers_export_progress
l----+-  admin:subscribers_hold_add
l---+++  admin:subscribers_hold_change
l---+++  admin:subscribers_hold_changelist
l------  admin:subscribers_hold_delete
l---+++  admin:subscribers_hold_history
l---+++  admin:subscribers_hold_progress
l---->-  admin:subscribers_hold_put_on
l---->-  admin:subscribers_hold_release
l------  admin:subscribers_message_add
l---++-  admin:subscribers_message_change
l---++-  admin:subscribers_message_changelist
l------  admin:subscribers_message_delete
l---++-  admin:subscribers_message_history
l------  admin:subscribers_remark_add
l---++-  admin:subscribers_remark_answer
l---++-  admin:subscribers_remark_change
l---++-  admin:subscribers_remark_changelist
l------  admin:subscribers_remark_delete
l---!!-  admin:subscribers_remark_do
l---++-  admin:subscribers_remark_history
l---++-  admin:subscribers_remark_progress
l---!!-  admin:subscribers_remark_read
l-----+  admin:subscribers_sender_add
l---+++  admin:subscribers_sender_change
l---+++  admin:subscribers_sender_changelist
l-----+  admin:subscribers_sender_delete
l---+++  admin:subscribers_sender_history
l------  admin:subscribers_subscriber_add
l----+-  admin:subscribers_subscriber_adding
l---++-  admin:subscribers_subscriber_again
l---++-  admin:subscribers_subscriber_change
l---++-  admin:subscribers_subscriber_changelist
l----+-  admin:subscribers_subscriber_delete
l--->>-  admin:subscribers_subscriber_do
l---++-  admin:subscribers_subscriber_history
l---++-  admin:subscribers_subscriber_live
l---->-  admin:subscribers_subscriber_number
l---++-  admin:subscribers_subscriber_place
l---++-  admin:subscribers_subscriber_reply
l---++-  admin:subscribers_subscriber_size
l---+++  admin:subscribers_systemtext_add
l---+++  admin:subscribers_systemtext_change
l---+++  admin:subscribers_systemtext_changelist
l---+++  admin:subscribers_systemtext_delete
l---+++  admin:subscribers_systemtext_history
l---+++  admin:subscribers_systemtext_preview
l---++-  admin:subscribers_tag_add
l---++-  admin:subscribers_tag_change
l---++-  admin:subscribers_tag_changelist
l---++-  admin:subscribers_tag_delete
l---++-  admin:subscribers_tag_history
l>>>>>>  admin:view_on_site
+++++++  healthz
+++++++  kept
0000000  metrics
~~~~~~~  readyz
l-0+++-  rehearse
l-0+++-  rehearse-progress
+++++++  story
l00++++  story-readers
+++++++  story_card
l++++++  second-factor
l++++++  today
5555555  twilio-inbound
5555555  twilio-status
5555555  twilio/inbound
5555555  twilio/status
"""
TABLE = {name: signs for signs, name in (line.split("  ") for line in PAGES.strip().splitlines())}
POSTED = {
    "admin:logout",
    "admin:stories_story_preview_new",
    "admin:subscribers_correction_stop",
    "admin:subscribers_enrollment_send-now",
    "admin:subscribers_hold_put_on",
    "admin:subscribers_hold_release",
    "admin:subscribers_remark_do",
    "admin:subscribers_remark_read",
    "admin:subscribers_subscriber_do",
    "admin:subscribers_subscriber_number",
    "admin:subscribers_subscriber_reply",
    "admin:subscribers_subscriber_size",
    "admin:subscribers_systemtext_preview",
}
# What each may do with many rows at once, in which lists.
STEERING = {f"enrollment.{action}" for action in ("pause", "resume", "stop", "send_next_now")}
EDITING = STEERING | {f"{model}.delete_selected" for model in ("story", "systemtext", "tag")}
ACTIONS = {
    "plain": set(),
    "journalist": {"story.delete_selected"},
    "editor": EDITING,
    "desk-chief": EDITING | {"subscriber.delete_selected"},
    "operator": {"sender.delete_selected", "systemtext.delete_selected"},
}
# A page of the newsroom is kept by nobody but who sees it, if by anybody.
NOT_KEPT = {"no-store", "private"}
SIGNS = {200: "+", 400: "!", 403: "-", 404: "0", 405: "5", 503: "~"}


def addresses() -> dict[str, str]:
    """Return the routes of all pages by their names, but for those that only lead to another."""
    return dict(walk(get_resolver(), "", ""))


def walk(resolver, before: str, namespace: str):
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if not isinstance(pattern, URLPattern):
            inner = f"{pattern.namespace}:" if getattr(pattern, "namespace", None) else namespace
            yield from walk(pattern, route, inner)
        elif getattr(pattern.callback, "view_class", None) is not RedirectView:
            yield (f"{namespace}{pattern.name}" if pattern.name else route), route


@pytest.fixture
def things(settings, tmp_path) -> dict[str, object]:
    """One of everything that has a page, by the name of its model."""
    folder = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "exports"}}
    settings.STORAGES = settings.STORAGES | {"exports": folder}
    file = storages["exports"].save("readers.csv", ContentFile("number"))
    author = account("journalist")
    story = make_story(title="The River", slug="the-river")
    story.authors.set([author])
    enrollment = make_enrollment(story=story, sent=1)
    now = timezone.now()
    async_task("builtins.print")
    tasks = {
        name: Task.objects.create(id=name, name=name, func="builtins.print", started=now, stopped=now, success=success)
        for name, success in (("success", True), ("failure", False))
    }
    made = [
        enrollment,
        enrollment.subscriber,
        Message.objects.filter(enrollment=enrollment).first(),
        story,
        Hold.objects.create(reason="r", story=story),
        Price.objects.get(),
        Sender.objects.create(name="+15005550006"),
        Correction.objects.create(story=story, text=story.texts.first(), place=1, until=now, body="Sorry.", readers=1),
        make_remark(enrollment),
        Reply.objects.create(story=story, body="Thank you all.", is_to_group=True),
        Tag.objects.first(),
        SystemText.objects.create(kind="help", body="Ask us."),
        Export.objects.create(user=account("editor"), what="readers", created_at=now, status="ready", file=file),
        Access.record(author, Access.What.PAGE),
        Group.objects.get(name="Editors"),
        author,
        Schedule.objects.first(),
        OrmQ.objects.first(),
    ]
    return (
        {thing._meta.model_name: thing for thing in made}
        | tasks
        | {"text": story.texts.first(), "kept": history.keep(story, now)}
    )


def account(role: str) -> User:
    user, is_new = User.objects.get_or_create(username=role, is_staff=True, is_superuser=role == "superuser")
    if is_new and role in [*GROUPS, "other"]:
        user.groups.add(Group.objects.get(name=GROUPS.get(role, "Journalists")))
    return user


def filled(route: str, things: dict[str, object]) -> str:
    """Return an address of this route, of the thing that its page is of."""
    model = re.search(r"(?:stories|subscribers|django_q|auth)/(\w+)/", route)
    thing = things.get(model[1]) if model else None
    parts = {
        "object_id": thing and thing.pk,
        "id": thing and thing.pk,
        "story_id": things["story"].pk,
        "text_id": things["text"].pk,
        "enrollment_id": things["enrollment"].pk,
        "reply_id": things["reply"].pk,
        "action": "pause",
        "entry_id": things["kept"].pk,
        "suffix": "txt",
        "kind": "svg",
        "page": "light",
        "slug": "the-river",
        "content_type_id": ContentType.objects.get_for_model(Story).pk,
        "url": "nowhere/",
        "app_label": "stories",
        "name": "pictures/none.jpg",
    }
    if route.startswith("admin/r/"):
        parts["object_id"] = things["story"].pk
    route = re.sub(r"\(\?P<(\w+)>(?:\([^)]*\)|[^()])*\)", lambda match: str(parts[match[1]]), route)
    route = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(parts[match[1]]), route)
    return "/" + route.replace("^", "").replace("$", "").replace("\\", "")


def sign(response) -> str:
    if response.status_code == 302:
        return "l" if "/admin/login/" in response["Location"] else ">"
    return SIGNS.get(response.status_code, str(response.status_code))


def test_every_address_is_in_the_table_and_the_table_has_no_other():
    assert sorted(TABLE) == sorted(addresses())
    assert {len(signs) for signs in TABLE.values()} == {len(ROLES)}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_what_is_its_own(client, things, role):
    if role != "nobody":
        client.force_login(account(role))
    routes = addresses()
    logout = "admin:logout"  # at last
    names = [*sorted(TABLE.keys() - {logout}), logout]
    found = {name: sign(open_page(client, name, filled(routes[name], things))) for name in names}
    assert found == {name: TABLE[name][ROLES.index(role)] for name in names}


@pytest.mark.parametrize("role", ACTIONS)
def test_each_role_does_with_many_rows_what_is_its_own(rf, role):
    # What the project takes from django-q's own admin, it takes with its addresses.
    addresses()
    request = rf.get("/")
    request.user = account(role)
    found = {
        f"{model._meta.model_name}.{action}"
        for model, model_admin in admin.site._registry.items()
        for action in model_admin.get_actions(request)
        if model_admin.has_view_permission(request)
    }
    assert found == ACTIONS[role]


@pytest.mark.parametrize("role", ACTIONS)
def test_an_action_that_is_not_ones_own_does_nothing(client, things, role):
    """Each tries all actions on each row of all lists; what changes anything is what is its own."""
    make_enrollment(status="paused")
    client.force_login(account(role))
    # One that nobody reads, since others stay.
    make_story()
    tried, before, does = actions(), rows(), set()
    for model, action in tried:
        with transaction.atomic():
            act(client, model, action)
            does |= {f"{model._meta.model_name}.{action}"} if rows() != before else set()
            transaction.set_rollback(True)
    # What the newsroom's own page of system texts has, it does one by one.
    assert does == ACTIONS[role] - {"systemtext.delete_selected"}


def actions() -> list[tuple[type, str]]:
    """Return all actions of all lists, whoever may do them."""
    # What the project takes from django-q's own admin, it takes with its addresses.
    addresses()
    return [
        (model, action)
        for model, model_admin in admin.site._registry.items()
        for action in ["delete_selected", *(name for _, name, _ in model_admin._get_base_actions())]
    ]


def act(client, model: type, action: str) -> None:
    """Do this with each row of this model, as who has been asked and has agreed."""
    for pk in model._base_manager.values_list("pk", flat=True):
        form = {"action": action, "_selected_action": [str(pk)], "confirmed": "yes", "post": "yes"}
        client.post(reverse(admin_urlname(model._meta, "changelist")), form)


@pytest.mark.parametrize("role", ROLES)
def test_who_is_refused_a_page_changes_nothing_by_posting_to_it(client, things, role):
    if role != "nobody":
        client.force_login(account(role))
    before = rows()
    for name, route in addresses().items():
        if TABLE[name][ROLES.index(role)] in "l-0":
            form = {"post": "yes", "confirmed": "yes", "_save": "Save", "title": "x", "reason": "x"}
            assert sign(client.post(filled(route, things), form)) in "l-05", name
    assert rows() == before


def rows() -> dict[type, list]:
    """Return all rows that pages can change."""
    models = [model for model in admin.site._registry if model is not Access]
    return {model: list(model._base_manager.order_by("pk").values()) for model in models}


# Its own page in a frame of the newsroom's, with the styles of whoever pastes it, and no script.
SNIPPET = "admin:stories_story_share_snippet"
BY_ALL = {"base-uri 'self'", "form-action 'self'", "object-src 'none'", "img-src 'self' data: blob:"}
POLICY = BY_ALL | {"default-src 'self'", "frame-ancestors 'none'"}
SNIPPETS_POLICY = BY_ALL | {"default-src 'none'", "style-src 'self' 'unsafe-inline'", "frame-ancestors 'self'"}


# What somebody writes who wants it to be part of our pages, in an attribute or between tags.
PLANTED = "'\"><b class=planted>"
WRITTEN = [
    (Story, "title"),
    (StoryText, "body"),
    (Message, "body"),
    (Hold, "reason"),
    (Correction, "body"),
    (Reply, "body"),
    (Tag, "name"),
    (SystemText, "body"),
    (Access, "about"),
    (Group, "name"),
    (Task, "result"),
]


def plant() -> None:
    """Have everything that people and readers write say what nobody should."""
    for model, field in WRITTEN:
        for pk in model.objects.values_list("pk", flat=True):
            # By the base class's own way, where a row is one that nobody changes.
            QuerySet.update(model.objects.filter(pk=pk), **{field: f"{PLANTED}{pk}"})


def secrets_of(user: User) -> list[str]:
    passwords = User.objects.exclude(password="").values_list("password", flat=True)
    return [settings.SECRET_KEY, settings.TWILIO_AUTH_TOKEN, *passwords]


def test_every_page_has_its_headers_and_shows_what_people_wrote_and_no_secret(client, things):
    user = account("superuser")
    user.set_password("only-for-tests")
    user.save()
    plant()
    client.force_login(user)
    client.raise_request_exception = False
    kept, shown = [], []
    for name, route in addresses().items():
        if name == "admin:logout":
            continue
        response = open_page(client, name, filled(route, things))
        policy = set(response["Content-Security-Policy"].split("; "))
        assert policy == (SNIPPETS_POLICY if name == SNIPPET else POLICY), name
        assert response["X-Frame-Options"] == ("SAMEORIGIN" if name == SNIPPET else "DENY"), name
        assert response["X-Content-Type-Options"] == "nosniff", name
        assert response["Referrer-Policy"] == "same-origin", name
        assert response["Permissions-Policy"] == PERMISSIONS_POLICY, name
        assert response["Cross-Origin-Opener-Policy"] == "same-origin", name
        if route.startswith("admin/") and response.status_code == 200:
            kept += [name] * (not NOT_KEPT & set(response.get("Cache-Control", "").split(", ")))
        html = b"".join(response).decode(errors="replace")
        if response["Content-Type"].startswith("text/html"):
            assert "<b class=planted>" not in html, name
            shown += [name] * ("&lt;b class=planted&gt;" in html)
        assert not [secret for secret in secrets_of(user) if secret in html], name
    assert len(shown) > 30, shown
    assert sorted(kept) == ["admin:jsi18n", "admin:password_change", "admin:password_change_done"]  # They name nobody.


def open_page(client, name: str, address: str):
    return (client.post if name in POSTED else client.get)(address)


# How the roles came


def test_accounts_that_were_there_keep_what_they_could_do():
    migration = import_module("subscribers.migrations.0025_set_up_roles")
    migration.take_away(apps, connection.schema_editor())
    jo, eddie = account("journalist"), account("editor")
    looker = User.objects.create_user("looker", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_message"))
    own = Group.objects.create(name="Subeditors")
    own.permissions.add(Permission.objects.get(codename="change_story"))
    could = {user: user.get_all_permissions() for user in (jo, eddie, looker)}
    migration.set_up(apps, connection.schema_editor())
    now = {user: User.objects.get(pk=user.pk) for user in could}
    for user, before in could.items():
        assert before <= now[user].get_all_permissions()
    assert now[jo].has_perm("stories.all_stories")
    assert now[eddie].has_perm("subscribers.see_numbers")
    assert now[looker].has_perm("subscribers.see_numbers")
    assert own.permissions.filter(codename="all_stories").exists()
    fresh = User.objects.create_user("fresh", is_staff=True)
    fresh.groups.add(Group.objects.get(name="Editors"))
    for permission in ("subscribers.see_numbers", "subscribers.add_hold", "subscribers.delete_subscriber"):
        assert not fresh.has_perm(permission)


def test_each_role_can_be_given_to_a_new_account():
    for role, group in GROUPS.items():
        make_account(f"new-{role}", role)
        assert [each.name for each in User.objects.get(username=f"new-{role}").groups.all()] == [group]
