import django.core.validators
from django.db import migrations, models

import stories.media
import stories.models


class Migration(migrations.Migration):
    dependencies = [
        ("stories", "0002_count_days_to_a_time"),
    ]

    operations = [
        migrations.AddField(
            model_name="storytext",
            name="alt",
            field=models.CharField(
                blank=True,
                help_text="What the picture shows, in a sentence, for those who cannot see it: our pages read it out. Phones do not get it, so what the story needs belongs into the text as well.",
                max_length=200,
                verbose_name="picture in words",
            ),
        ),
        migrations.AlterField(
            model_name="storytext",
            name="media",
            field=models.ImageField(
                blank=True,
                help_text="JPEG, PNG or GIF. It is turned upright, made small enough for every phone, and freed from what the camera wrote into it, such as the place.",
                upload_to=stories.models.picture_path,
                validators=[stories.media.validate_picture],
                verbose_name="picture",
            ),
        ),
        migrations.AlterField(
            model_name="storytext",
            name="media_url",
            field=models.URLField(
                blank=True,
                help_text="Instead of an upload: the address of a picture, 5 MB at most. Readers get it from there, as it then is, so it has to stay there.",
                max_length=500,
                validators=[
                    django.core.validators.URLValidator(
                        ["http", "https"], code="scheme", message="A picture's link begins with https:// or http://."
                    )
                ],
                verbose_name="picture link",
            ),
        ),
    ]
