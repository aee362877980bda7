from django.db import migrations

# A claim leaves a dead entry in the index of what is due, and every poll reads across those until they are vacuumed.
OFTEN = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 1"
AS_USUAL = "autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay"
TABLES = ("subscribers_message", "django_q_ormq")


def vacuum_often(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} SET ({OFTEN})")


def vacuum_as_usual(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} RESET ({AS_USUAL})")


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0003_schedule_housekeeping")]

    operations = [migrations.RunPython(vacuum_often, vacuum_as_usual)]
