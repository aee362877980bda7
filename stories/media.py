"""Pictures as phones get them: what an upload is, judged by its content, and what is made of it.

The target: 1,600 pixels on the longest side and 500,000 bytes. Twilio takes 5 MB, but the phones' own carriers take
less: the large US ones 600 kB from a toll-free number (Telnyx, "MMS message size limits"), and 500 kB are the advice
where a picture has to reach everybody (SignalWire, "Media Size Limits"). 1,600 pixels fill a phone's screen when a
reader opens the picture. JPEG, PNG and GIF are what all of them show (Twilio, "Accepted content types for media").

Nothing of a still picture but its pixels is kept: no place, no camera, no comment, nothing hidden behind it.
"""

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from PIL import Image, ImageCms, ImageOps

from .gif import bare_gif

SIDE_MAX = 1600
BYTES_MAX = 500_000
UPLOAD_BYTES_MAX = 20_000_000
# The largest pictures that phones take have 50 megapixels. A JPEG is read at a fraction of its size; the others need
# up to eight bytes a pixel for a moment.
JPEG_MEGAPIXELS_MAX, MEGAPIXELS_MAX = 50, 25
# What all frames of a moving picture have together: about a second's work.
FRAMES_PIXELS_MAX = 100_000_000
# Tried from the first to the last until the file is small enough, which the last always is.
JPEG_STEPS = [(side, quality) for side in (SIDE_MAX, 1280, 1024, 800, 640) for quality in (85, 75, 65)]

SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif"}
CONTENT_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".gif": "image/gif"}
BEGINNINGS = {"JPEG": rb"\xff\xd8\xff", "PNG": rb"\x89PNG\r\n\x1a\n", "GIF": rb"GIF8[79]a"}
FOREIGN = {
    "an iPhone’s HEIC picture": rb"....ftyp(hei|hev|mif1|msf1)",
    "an AVIF picture": rb"....ftypavi",
    "a WebP picture": rb"RIFF....WEBP",
    "a TIFF picture": rb"II\*\0|MM\0\*",
}
BEGINNING_BYTES = 16
# What Pillow raises about files that are cut off, damaged or made to harm.
DAMAGED = (OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, OverflowError, struct.error)

NO_PICTURE = "This file is not a JPEG, PNG or GIF picture."
IS_DAMAGED = "This picture is damaged or cut off; choose another copy of it."
SRGB = ImageCms.createProfile("sRGB")


class PhonePicture(ContentFile):
    """A picture that every phone can show, as `phone_picture` makes it; its name says its kind."""

    stored_as = ""  # where it is stored already


def picture_kind(file: File) -> str | None:
    """Return "JPEG", "PNG" or "GIF" by how `file` begins; None if it is none of them."""
    beginning = beginning_of(file)
    return next((kind for kind, pattern in BEGINNINGS.items() if re.match(pattern, beginning)), None)


def beginning_of(file: File) -> bytes:
    file.seek(0)
    beginning = file.read(BEGINNING_BYTES)
    file.seek(0)
    return beginning


def validate_picture(file: File) -> None:
    """Raise ValidationError if a picture that is about to be stored was not made by `phone_picture`."""
    if not (file._committed or isinstance(file.file, PhonePicture)):
        raise ValidationError(NO_PICTURE)


def phone_picture(file: File) -> PhonePicture:
    """Return what phones get of an upload; raise ValidationError with the reason where that cannot be.

    It takes up to a second or two for a large picture: call it outside a transaction.
    """
    if isinstance(file, PhonePicture):
        return file
    if file.size > UPLOAD_BYTES_MAX:
        raise ValidationError(
            f"This file has {file.size / 1e6:.0f} MB; choose one of {UPLOAD_BYTES_MAX / 1e6:.0f} MB at most."
        )
    with whole_picture(file) as picture:
        return moving(picture, file) if is_moving(picture) else still(picture)


def still_picture(file: File, side: int) -> PhonePicture:
    """Return a picture of `side` pixels at most, of a moving one how it begins; raise ValidationError if it is none."""
    with whole_picture(file) as picture:
        return still(picture, side)


@contextmanager
def whole_picture(file: File) -> Iterator[Image.Image]:
    """Open and read all of a JPEG, PNG or GIF; raise ValidationError with the reason if it is none, or not whole.

    A large JPEG is read at a fraction of its size.
    """
    kind = picture_kind(file)
    if kind is None:
        raise ValidationError(what_it_is(beginning_of(file)))
    with refusing_damage():
        picture = Image.open(file, formats=[kind])
    with picture:
        with refusing_damage():
            check_pixels(picture)
            if is_moving(picture) and kind == "PNG":
                raise ValidationError("This PNG moves, which phones do not show; use a GIF, or a still picture.")
            picture.draft(None, (SIDE_MAX, SIDE_MAX))
            picture.load()
        yield picture
    file.seek(0)


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Turn what Pillow raises about a file that is damaged, or made to harm, into a sentence."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise ValidationError("This picture has far too many pixels; make it smaller first.") from error
    except DAMAGED as error:
        raise ValidationError(IS_DAMAGED) from error


def is_jpeg(picture: Image.Image) -> bool:
    # MPO is what many phones write: a JPEG with a second picture behind it, which nobody is shown.
    return picture.format in ("JPEG", "MPO")


def is_moving(picture: Image.Image) -> bool:
    return not is_jpeg(picture) and picture.is_animated


def what_it_is(beginning: bytes) -> str:
    """Return a sentence about a file that is no JPEG, PNG or GIF."""
    for name, pattern in FOREIGN.items():
        if re.match(pattern, beginning, re.DOTALL):
            return f"This is {name}, which many phones cannot show. Export it as JPEG, and choose that file."
    return NO_PICTURE


def check_pixels(picture: Image.Image) -> None:
    most = JPEG_MEGAPIXELS_MAX if is_jpeg(picture) else MEGAPIXELS_MAX
    if picture.width * picture.height > most * 1_000_000:
        raise ValidationError(f"This picture has more than {most} megapixels; make it smaller first.")


def moving(picture: Image.Image, file: File) -> PhonePicture:
    """Return a moving GIF as it is, without what is not shown; it cannot be made smaller without harm."""
    if max(picture.size) > SIDE_MAX:
        raise ValidationError(
            f"This moving GIF is {picture.width} × {picture.height} pixels large; make it {SIDE_MAX} pixels at most "
            "on its longest side, or choose a still picture."
        )
    file.seek(0)
    with refusing_damage():
        content = bare_gif(file.read())
    if len(content) > BYTES_MAX:
        raise ValidationError(
            f"This moving GIF has {len(content) / 1e6:.1f} MB, too much for some phones; make it shorter or smaller "
            f"until it has {BYTES_MAX / 1e6:.1f} MB, or choose a still picture."
        )
    with refusing_damage():
        check_frames(picture)
    return PhonePicture(content, "picture.gif")


def check_frames(picture: Image.Image) -> None:
    """Read all frames, or raise what Pillow says about them; ValidationError if they are too many."""
    pixels = 0
    for frame in range(picture.n_frames):
        picture.seek(frame)
        pixels += picture.width * picture.height
        if pixels > FRAMES_PIXELS_MAX:
            raise ValidationError("This moving GIF has too many pictures in it; make it shorter or smaller.")
        picture.load()


def still(picture: Image.Image, side: int = SIDE_MAX) -> PhonePicture:
    """Return the picture upright, in sRGB, of `side` pixels at most, and with nothing but its pixels."""
    was_jpeg, profile = is_jpeg(picture), picture.info.get("icc_profile")
    picture = in_plain_mode(upright(picture))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
    picture = in_srgb(picture, profile)
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    pixels = Image.new(picture.mode, picture.size)
    pixels.paste(picture)
    content = None if was_jpeg else as_png(pixels)
    return PhonePicture(content, "picture.png") if content else PhonePicture(as_jpeg(pixels), "picture.jpg")


def upright(picture: Image.Image) -> Image.Image:
    """Turn the picture as its camera was held; one that says it wrongly stays as it is."""
    try:
        ImageOps.exif_transpose(picture, in_place=True)
    except DAMAGED:
        picture.info.pop("exif", None)
    return picture


def in_plain_mode(picture: Image.Image) -> Image.Image:
    """Return the picture as RGBA, RGB, L or CMYK of eight bits."""
    if picture.mode.startswith("I"):
        return picture.point(lambda value: value * (1 / 256)).convert("L")
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture if picture.mode in ("RGB", "L", "CMYK") else picture.convert("RGB")


def in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture in the colours of screens; a profile that cannot be used is none."""
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    if profile:
        try:
            own = ImageCms.ImageCmsProfile(BytesIO(profile))
            return ImageCms.profileToProfile(picture, own, SRGB, outputMode=mode)
        except (ImageCms.PyCMSError, OSError):
            pass
    return picture.convert(mode)


def as_png(picture: Image.Image) -> bytes | None:
    """Return the picture as PNG; None where it is a photo, or too large as PNG."""
    content = written(picture, "PNG")
    is_drawn = picture.mode == "RGBA" or len(content) <= 2 * len(written(picture, "JPEG", quality=85))
    return content if is_drawn and len(content) <= BYTES_MAX else None


def as_jpeg(picture: Image.Image) -> bytes:
    """Return the picture as a JPEG that is small enough, what is transparent on white."""
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
    attempts = (written(within(picture, side), "JPEG", quality=quality, optimize=True) for side, quality in JPEG_STEPS)
    return next(content for content in attempts if len(content) <= BYTES_MAX)


def within(picture: Image.Image, side: int) -> Image.Image:
    return picture if max(picture.size) <= side else ImageOps.contain(picture, (side, side))


def written(picture: Image.Image, kind: str, **options) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
