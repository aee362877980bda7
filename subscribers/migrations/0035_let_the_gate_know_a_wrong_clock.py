from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("subscribers", "0034_lead_through_the_log"),
    ]

    operations = [
        migrations.AddField(
            model_name="gate",
            name="asked_at",
            field=models.FloatField(
                db_default=0, help_text="When somebody was last given a turn, in seconds since 1970."
            ),
        ),
    ]
