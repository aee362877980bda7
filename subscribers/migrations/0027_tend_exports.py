from django.db import migrations
from django.utils import timezone

NAME = "Exports"


def schedule_tending(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name=NAME,
        defaults={
            "func": "subscribers.tasks.tend_exports",
            "schedule_type": "I",
            "minutes": 5,
            "repeats": -1,
            "next_run": timezone.now(),
        },
    )


def unschedule_tending(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0026_mask_numbers_in_the_log")]

    operations = [migrations.RunPython(schedule_tending, unschedule_tending)]
