from django.contrib.auth.management import create_permissions
from django.db import migrations

AUTHORING = [
    f"stories.{action}_{model}" for model in ("story", "storytext") for action in ("add", "change", "delete", "view")
]
GROUPS = {
    "Journalists": AUTHORING,
    "Editors": [
        *AUTHORING,
        "subscribers.view_subscriber",
        "subscribers.change_subscriber",
        "subscribers.view_enrollment",
        "subscribers.change_enrollment",
        "subscribers.view_message",
        "subscribers.add_hold",
        "subscribers.view_hold",
        "subscribers.change_hold",
        "subscribers.view_sender",
    ],
}


def make_groups(apps, schema_editor):
    # Django makes permissions after the last migration only; asking for them here makes those that are missing.
    for label in ("stories", "subscribers"):
        app_config = apps.get_app_config(label)
        app_config.models_module = True
        create_permissions(app_config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
        app_config.models_module = None
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for name, permissions in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        for permission in permissions:
            app_label, codename = permission.split(".")
            group.permissions.add(Permission.objects.get(content_type__app_label=app_label, codename=codename))


def remove_groups(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=GROUPS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("subscribers", "0001_create_subscribers_and_messages"),
        ("stories", "0001_create_stories"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_groups, remove_groups)]
