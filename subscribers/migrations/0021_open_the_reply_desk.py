from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.utils import timezone

NAME = "Reply desk"
TAGS = ["Tip", "Question", "Correction", "Thanks"]
WORK = ["view_remark", "change_remark", "add_reply", "view_tag"]
GROUPS = {"Editors": [*WORK, "add_tag", "change_tag", "delete_tag"]}


def open_desk(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name=NAME,
        defaults={
            "func": "subscribers.tasks.tend_reply_desk",
            "schedule_type": "I",
            "minutes": 1,
            "repeats": -1,
            "next_run": timezone.now(),
        },
    )
    for name in TAGS:
        apps.get_model("subscribers", "Tag").objects.get_or_create(name=name)
    # Django makes permissions after the last migration only; asking for them here makes those that are missing.
    app_config = apps.get_app_config("subscribers")
    app_config.models_module = True
    create_permissions(app_config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    app_config.models_module = None
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for group, names in GROUPS.items():
        found = Permission.objects.filter(content_type__app_label="subscribers", codename__in=names)
        Group.objects.get_or_create(name=group)[0].permissions.add(*found)


def close_desk(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0020_keep_replies")]

    operations = [migrations.RunPython(open_desk, close_desk)]
