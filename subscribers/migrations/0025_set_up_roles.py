from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.models import Q

AUTHORING = [
    f"stories.{action}_{model}" for model in ("story", "storytext") for action in ("add", "change", "delete", "view")
]
SYSTEM_TEXTS = [f"subscribers.{action}_systemtext" for action in ("add", "change", "delete", "view")]
EDITING = [
    *AUTHORING,
    "stories.all_stories",
    "stories.view_price",
    "subscribers.view_subscriber",
    "subscribers.change_subscriber",
    "subscribers.view_enrollment",
    "subscribers.change_enrollment",
    "subscribers.view_message",
    "subscribers.view_hold",
    "subscribers.view_sender",
    "subscribers.add_message",
    "subscribers.view_correction",
    "subscribers.add_correction",
    "subscribers.view_remark",
    "subscribers.change_remark",
    "subscribers.add_reply",
    *(f"subscribers.{action}_tag" for action in ("add", "change", "delete", "view")),
    *SYSTEM_TEXTS,
]
ROLES = {
    "Journalists": AUTHORING,
    "Editors": EDITING,
    "Desk chiefs": [
        *EDITING,
        "subscribers.see_numbers",
        "subscribers.add_subscriber",
        "subscribers.delete_subscriber",
        "subscribers.add_hold",
        "subscribers.change_hold",
        "subscribers.view_access",
        "subscribers.view_consent",
        "subscribers.view_export",
    ],
    "Operators": [
        "stories.all_stories",
        "stories.view_story",
        "stories.view_storytext",
        "stories.view_price",
        "stories.change_price",
        "subscribers.view_hold",
        *(f"subscribers.{action}_sender" for action in ("add", "change", "delete", "view")),
        *SYSTEM_TEXTS,
        "django_q.view_schedule",
        "django_q.view_success",
        "django_q.view_failure",
        "django_q.view_ormq",
    ],
}
# What a group could do until now, or what came with it unasked, and can no more: who is in it keeps it by name.
KEPT = {
    "Journalists": ["stories.all_stories"],
    "Editors": ["subscribers.see_numbers", "subscribers.add_hold", "subscribers.change_hold", "stories.change_price"],
}
# What one could do unasked until now, by what let one do it.
UNASKED = {
    "stories.all_stories": ["stories.view_story", "stories.change_story"],
    "subscribers.see_numbers": [
        "subscribers.view_subscriber",
        "subscribers.view_enrollment",
        "subscribers.view_message",
    ],
}


def permission(Permission, name):
    app_label, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app_label, codename=codename)


def set_up(apps, schema_editor):
    # Django makes permissions after the last migration only; asking for them here makes those that are missing.
    for label in ("stories", "subscribers", "django_q"):
        app_config = apps.get_app_config(label)
        app_config.models_module = True
        create_permissions(app_config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
        app_config.models_module = None
    keep_what_could_be_done(apps)
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for name, permissions in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.remove(*(permission(Permission, each) for each in KEPT.get(name, [])))
        group.permissions.add(*(permission(Permission, each) for each in permissions))


def keep_what_could_be_done(apps):
    """Let accounts and other groups that are there go on as before, by permissions of their own."""
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    User = apps.get_model("auth", "User")
    for name, kept in KEPT.items():
        for user in User.objects.filter(groups__name=name):
            user.user_permissions.add(*(permission(Permission, each) for each in kept))
    for name, by in UNASKED.items():
        wanted = Q()
        for each in by:
            app_label, codename = each.split(".")
            wanted |= Q(content_type__app_label=app_label, codename=codename)
        found = Permission.objects.filter(wanted)
        for group in Group.objects.filter(permissions__in=found).exclude(name__in=ROLES).distinct():
            group.permissions.add(permission(Permission, name))
        for user in User.objects.filter(user_permissions__in=found).distinct():
            user.user_permissions.add(permission(Permission, name))


def take_away(apps, schema_editor):
    """Give the groups that were there back what they had; what accounts got by name they keep."""
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    Group.objects.filter(name__in=["Desk chiefs", "Operators"]).delete()
    had = ["subscribers.add_hold", "subscribers.change_hold", "stories.change_price"]
    for group in Group.objects.filter(name="Editors"):
        group.permissions.remove(permission(Permission, "stories.all_stories"))
        group.permissions.add(*(permission(Permission, each) for each in had))


class Migration(migrations.Migration):
    dependencies = [
        ("subscribers", "0024_keep_on_record_who_looked"),
        ("stories", "0011_let_stories_have_authors"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [migrations.RunPython(set_up, take_away)]
