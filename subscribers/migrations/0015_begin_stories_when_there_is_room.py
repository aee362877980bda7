from django.db import migrations
from django.utils import timezone

NAME = "Stories that wait in line"


def schedule_beginning(apps, schema_editor):
    func = "subscribers.tasks.begin_with_room"
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name=NAME,
        defaults={"func": func, "schedule_type": "H", "repeats": -1, "next_run": timezone.now()},
    )


def unschedule_beginning(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("subscribers", "0014_remember_what_was_paused"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [migrations.RunPython(schedule_beginning, unschedule_beginning)]
