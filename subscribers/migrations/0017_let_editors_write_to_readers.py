from django.contrib.auth.management import create_permissions
from django.db import migrations

PERMISSIONS = ["add_message"]


def allow(apps, schema_editor):
    # Django makes permissions after the last migration only; asking for them here makes those that are missing.
    app_config = apps.get_app_config("subscribers")
    app_config.models_module = True
    create_permissions(app_config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    app_config.models_module = None
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    permissions = Permission.objects.filter(content_type__app_label="subscribers", codename__in=PERMISSIONS)
    Group.objects.get_or_create(name="Editors")[0].permissions.add(*permissions)


def forbid(apps, schema_editor):
    Permission = apps.get_model("auth", "Permission")
    permissions = Permission.objects.filter(content_type__app_label="subscribers", codename__in=PERMISSIONS)
    for group in apps.get_model("auth", "Group").objects.filter(name="Editors"):
        group.permissions.remove(*permissions)


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0016_let_editors_steer_readers")]

    operations = [migrations.RunPython(allow, forbid)]
