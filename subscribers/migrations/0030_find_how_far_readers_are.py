from django.db import migrations, models

from subscribers.models.readers import Far
from textengine import operations

# Readers of a short story are never far. PostgreSQL knows it from this alone, and otherwise looks through a whole story
# for readers that it does not have.
FAR = Far.template % {"expressions": "step"}
STATISTICS = (
    f"CREATE STATISTICS IF NOT EXISTS enrollment_far (mcv) ON story_id, status, ({FAR}) FROM subscribers_enrollment"
)


def know_who_is_far(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(STATISTICS)
        schema_editor.execute("ANALYZE subscribers_enrollment")


def forget_who_is_far(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP STATISTICS enrollment_far")


class Migration(migrations.Migration):
    atomic = operations.in_one_transaction()

    dependencies = [
        ("stories", "0011_let_stories_have_authors"),
        ("subscribers", "0029_count_the_day"),
    ]

    operations = [
        operations.AddIndex(
            model_name="enrollment",
            index=models.Index(
                Far("step"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                models.F("story"),
                models.F("status"),
                name="enrollment_newest_by_far",
            ),
        ),
        migrations.RunPython(know_who_is_far, forget_who_is_far),
    ]
