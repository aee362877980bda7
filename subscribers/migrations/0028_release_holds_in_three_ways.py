import django.db.models.deletion
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

NAME = "Releases"


def finish_earlier_releases(apps, schema_editor):
    apps.get_model("subscribers", "Hold").objects.exclude(released_at=None).update(
        done_at=models.F("released_at"), way="now"
    )


def schedule_releases(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name=NAME,
        defaults={
            "func": "subscribers.tasks.resume_releases",
            "schedule_type": "I",
            "minutes": 1,
            "repeats": -1,
            "next_run": timezone.now(),
        },
    )


def unschedule_releases(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("stories", "0011_let_stories_have_authors"),
        ("subscribers", "0027_tend_exports"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="hold",
            name="one_active_hold_each",
        ),
        migrations.AddField(
            model_name="hold",
            name="done_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="hold",
            name="last_message",
            field=models.PositiveBigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="hold",
            name="let_go",
            field=models.PositiveIntegerField(
                default=0, editable=False, help_text="How many of them have had their turn."
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="released_by",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="text",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: the whole story is held.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                to="stories.storytext",
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="waiting",
            field=models.PositiveIntegerField(
                default=0, editable=False, help_text="How many messages it held when it was released."
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="way",
            field=models.CharField(
                blank=True,
                choices=[
                    ("rhythm", "Go on in rhythm"),
                    ("now", "Send what is due now"),
                    ("skip", "Skip what fell due"),
                ],
                default="",
                editable=False,
                max_length=6,
                verbose_name="released how",
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="worked_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.UniqueConstraint(
                django.db.models.functions.comparison.Coalesce(models.F("story"), 0),
                django.db.models.functions.comparison.Coalesce(models.F("text"), 0),
                condition=models.Q(("released_at", None)),
                name="one_active_hold_each",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", None), ("story__isnull", False), _connector="OR"),
                name="held_text_belongs_to_a_story",
            ),
        ),
        migrations.RunPython(finish_earlier_releases, migrations.RunPython.noop),
        migrations.RunPython(schedule_releases, unschedule_releases),
        # Last: what it locks stays locked until the migration ends.
        migrations.AddField(
            model_name="message",
            name="shifted",
            field=models.DurationField(
                editable=False, help_text="By how much holds have moved it on from when its text says.", null=True
            ),
        ),
    ]
