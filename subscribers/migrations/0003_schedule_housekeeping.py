from django.db import migrations
from django.utils import timezone

NAME = "Housekeeping"


def schedule_housekeeping(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name=NAME,
        defaults={"func": "subscribers.tasks.sweep", "schedule_type": "D", "repeats": -1, "next_run": timezone.now()},
    )


def unschedule_housekeeping(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("subscribers", "0002_make_groups"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [migrations.RunPython(schedule_housekeeping, unschedule_housekeeping)]
