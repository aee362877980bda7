"""Pictures: what may be sent, judged by content and not by name."""

from django.core.exceptions import ValidationError
from PIL import Image, UnidentifiedImageError

# Twilio: at most 5 MB together, and these types are safe on every carrier. MPO is what many phones write: a
# JPEG with a second picture behind it.
PICTURE_MAX_BYTES = 5_000_000
NO_PICTURE = "This file is not a JPEG, PNG or GIF picture."
PICTURE_SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "GIF": ".gif"}


def picture_suffix(file) -> str | None:
    """Return the file name's ending that fits what `file` contains; None if it is no picture for phones."""
    try:
        file.seek(0)
        with Image.open(file) as picture:
            picture.load()  # All of it: a picture that is cut off has a sound beginning.
            return PICTURE_SUFFIXES.get(picture.format)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    finally:
        file.seek(0)


def validate_picture(file) -> None:
    """Raise ValidationError unless `file` is a picture that every phone can show."""
    if file.size > PICTURE_MAX_BYTES:
        raise ValidationError(f"This picture has {file.size / 1e6:.1f} MB; phones take 5 MB at most.")
    if picture_suffix(file) is None:
        raise ValidationError(NO_PICTURE)
