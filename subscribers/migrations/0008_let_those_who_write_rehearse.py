import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import subscribers.models.readers
from textengine import operations


class Migration(migrations.Migration):
    atomic = operations.in_one_transaction()

    dependencies = [
        ("stories", "0007_create_prices"),
        ("subscribers", "0007_let_go_of_deleted_texts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        operations.CreateModel(
            name="OwnPhone",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("code", models.CharField(blank=True, help_text="Hashed; empty where none counts.", max_length=128)),
                ("code_made_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("codes_since", models.DateTimeField(help_text="From when on the codes are counted.", null=True)),
                ("codes_count", models.PositiveSmallIntegerField(default=0)),
            ],
        ),
        operations.AddField(
            model_name="enrollment",
            name="pace",
            field=models.FloatField(
                blank=True,
                editable=False,
                help_text="Of a rehearsal: which part of their true length its waits have, 1 at true speed. Empty: a reader's.",
                null=True,
            ),
        ),
        operations.AddField(
            model_name="message",
            name="lead",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="What a rehearsal says before the text's own words: the wait that it shortened.",
                max_length=100,
            ),
        ),
        migrations.AlterField(
            model_name="enrollment",
            name="story",
            field=models.ForeignKey(
                on_delete=subscribers.models.readers.protect_readers, related_name="enrollments", to="stories.story"
            ),
        ),
        operations.ReplaceConstraint(
            model_name="enrollment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("pace", None), ("status__in", ["active", "paused"])),
                fields=("subscriber", "story"),
                name="one_live_enrollment_per_story",
            ),
        ),
        operations.AddConstraint(
            model_name="enrollment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("pace__isnull", False), ("status__in", ["active", "paused"])),
                fields=("subscriber", "story"),
                name="one_live_rehearsal_per_story",
            ),
        ),
        operations.AddConstraint(
            model_name="enrollment",
            constraint=models.CheckConstraint(
                condition=models.Q(("pace", None), models.Q(("pace__gte", 0), ("pace__lte", 1)), _connector="OR"),
                name="pace_is_a_part_of_true_length",
            ),
        ),
        operations.AddField(
            model_name="ownphone",
            name="code_message",
            field=models.OneToOneField(
                help_text="The text that has the code, as long as it counts: nobody may read it but on the phone.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="code_of",
                to="subscribers.message",
            ),
        ),
        operations.AddField(
            model_name="ownphone",
            name="subscriber",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="own_phones",
                to="subscribers.subscriber",
            ),
        ),
        operations.AddField(
            model_name="ownphone",
            name="user",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="own_phone", to=settings.AUTH_USER_MODEL
            ),
        ),
    ]
