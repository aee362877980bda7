import random
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from stories.forms import PictureField
from stories.media import BYTES_MAX, SIDE_MAX, PhonePicture, phone_picture, picture_kind
from stories.models import StoryText

from .pictures import make_moving, make_noise, make_picture, written

HTML = b"<html><script>alert(1)</script>"
IN_HAND = Image.Exif()
IN_HAND.update({0x010F: "A camera maker", 0x8825: {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}})


def for_phones(content: bytes, name: str = "upload") -> PhonePicture:
    return phone_picture(ContentFile(content, name))


def opened(picture: PhonePicture) -> Image.Image:
    image = Image.open(BytesIO(picture.read()))
    image.load()
    return image


def refusal(content: bytes, name: str = "upload") -> str:
    with pytest.raises(ValidationError) as error:
        for_phones(content, name)
    return error.value.messages[0]


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (make_noise("JPEG"), "picture.jpg", "JPEG"),
        (make_noise("MPO", save_all=True, append_images=[Image.new("RGB", (40, 30))]), "picture.jpg", "JPEG"),
        (make_picture("PNG"), "picture.png", "PNG"),
        (make_picture("GIF"), "picture.png", "PNG"),
        (make_moving(), "picture.gif", "GIF"),
    ],
    ids=["JPEG", "MPO", "PNG", "GIF", "moving GIF"],
)
def test_a_picture_is_what_it_contains_whatever_its_name_says(content, name, kind):
    for ending in ("a.jpg", "a.png", "a.gif", "a.html", "a"):
        picture = for_phones(content, ending)
        assert picture.name == name
        assert opened(picture).format == picture_kind(picture) == kind


@pytest.mark.parametrize(
    ("orientation", "corners"),
    [(1, "RGBW"), (2, "GRWB"), (3, "WBGR"), (4, "BWRG"), (5, "RBGW"), (6, "BRWG"), (7, "WGBR"), (8, "GWRB")],
)
def test_a_photo_is_turned_upright(orientation, corners):
    """`corners` are those of a picture that was written as R G over B W: at the top, then at the bottom."""
    colours = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "W": (255, 255, 255)}
    photo = Image.new("RGB", (64, 32))
    for colour, place in zip("RGBW", ((0, 0), (32, 0), (0, 16), (32, 16)), strict=True):
        photo.paste(colours[colour], (*place, place[0] + 32, place[1] + 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = opened(for_phones(written(photo, "JPEG", exif=exif, quality=95)))
    width, height = upright.size
    assert (width, height) == ((64, 32) if orientation < 5 else (32, 64))
    seen = [upright.getpixel(place) for place in ((4, 4), (width - 5, 4), (4, height - 5), (width - 5, height - 5))]
    assert "".join(next(name for name in colours if is_like(colours[name], pixel)) for pixel in seen) == corners


def is_like(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 30 for a, b in zip(one, other, strict=True))


def png_text() -> PngInfo:
    info = PngInfo()
    info.add_text("Comment", HTML.decode())
    info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>A camera maker</x:xmpmeta>", zip=False)
    return info


XMP = b"<x:xmpmeta>A camera maker</x:xmpmeta>"
TELLTALE = {
    "JPEG": make_noise("JPEG", exif=IN_HAND, comment=HTML, xmp=XMP, dpi=(300, 300)) + HTML,
    "MPO": make_noise("MPO", exif=IN_HAND, save_all=True, append_images=[Image.new("RGB", (40, 30))]) + HTML,
    "PNG": make_picture("PNG", exif=IN_HAND, pnginfo=png_text()) + HTML,
    "GIF": make_picture("GIF", comment=HTML, xmp=XMP) + HTML,
    "moving GIF": make_moving(comment=HTML, xmp=XMP) + HTML,
}


@pytest.mark.parametrize("content", TELLTALE.values(), ids=TELLTALE)
def test_nothing_that_tells_of_place_camera_or_author_is_left_nor_anything_hidden(content):
    assert any(word in content for word in (b"A camera maker", b"<script>"))
    picture = for_phones(content)
    image = opened(picture)
    picture.seek(0)
    left = picture.read()
    assert not any(word in left for word in (b"A camera maker", b"script", b"xmp", b"Exif", b"eXIf", b"ICC", b"iCCP"))
    assert not image.getexif()
    assert not {"exif", "xmp", "comment", "icc_profile", "photoshop", "Comment"} & set(image.info)


def test_colours_are_those_of_screens_whatever_profile_they_were_written_in():
    # A profile in which red and green have changed places.
    swapped = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = swapped.index(b"rXYZ"), swapped.index(b"gXYZ")
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    for kind, mode, colour in (("JPEG", "RGB", "red"), ("PNG", "RGB", "red"), ("PNG", "RGBA", (255, 0, 0, 100))):
        picture = opened(for_phones(make_picture(kind, mode=mode, colour=colour, icc_profile=bytes(swapped))))
        red, green, blue, *alpha = picture.getpixel((5, 5))
        assert red < 20 < 200 < green
        assert blue < 60
        assert alpha in ([], [100])


@pytest.mark.parametrize("profile", [b"no profile", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()])
def test_a_profile_that_cannot_be_used_is_none(profile):
    assert opened(for_phones(make_picture("PNG", icc_profile=profile))).getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        (make_picture("JPEG", mode="CMYK", colour=(0, 255, 255, 0)), (255, 0, 0)),
        (make_picture("JPEG", mode="L", colour=100), (100, 100, 100)),
        (make_picture("PNG", mode="I;16", colour=100 * 256), (100, 100, 100)),
        (make_picture("PNG", mode="1", colour=1), (255, 255, 255)),
        (make_picture("PNG", mode="LA", colour=(100, 50)), (100, 100, 100, 50)),
        (make_picture("PNG", mode="RGBA", colour=(255, 0, 0, 255)), (255, 0, 0)),
        (make_picture("GIF", mode="P", colour=0, transparency=0), None),
    ],
    ids=["CMYK", "grey", "16 bits", "1 bit", "grey and clear", "opaque", "palette"],
)
def test_pictures_of_all_modes_keep_their_colours(content, colour):
    seen = opened(for_phones(content)).getpixel((5, 5))
    if colour is None:
        assert seen[3] == 0
    else:
        assert len(seen) == len(colour)
        assert all(abs(one - other) < 4 for one, other in zip(seen, colour, strict=True))


@pytest.mark.parametrize(
    ("size", "scaled"), [((1800, 900), (SIDE_MAX, 800)), ((20, 2000), (16, SIDE_MAX)), ((30, 20), (30, 20))]
)
def test_a_large_picture_is_scaled_and_a_small_one_is_not(size, scaled):
    for kind in ("JPEG", "PNG"):
        assert opened(for_phones(make_picture(kind, size))).size == scaled


def test_a_photo_is_written_more_and_more_simply_until_it_is_small_enough():
    for side, scaled in ((900, 900), (1400, 1024)):
        content = make_noise("JPEG", (side, side), quality=90)
        assert len(content) > BYTES_MAX
        picture = for_phones(content)
        assert BYTES_MAX / 3 < picture.size <= BYTES_MAX
        assert opened(picture).width == scaled


def test_a_drawing_stays_a_png_and_a_photo_as_png_becomes_a_jpeg():
    assert for_phones(make_picture("PNG", (600, 400))).name == "picture.png"
    assert for_phones(make_noise("PNG", (100, 100))).name == "picture.jpg"


def test_what_is_transparent_stays_so_unless_it_is_too_large_and_then_lies_on_white():
    assert opened(for_phones(make_noise("PNG", (100, 100), "RGBA"))).mode == "RGBA"
    clear = Image.frombytes("RGBA", (400, 400), random.Random(1).randbytes(640_000))
    clear.paste((0, 0, 0, 0), (0, 0, 100, 100))
    picture = for_phones(written(clear, "PNG"))
    assert picture.name == "picture.jpg"
    assert min(opened(picture).getpixel((20, 20))) > 240


def test_a_moving_gif_keeps_its_frames_their_times_and_its_loop():
    moving = make_moving(frames=4, comment=HTML)
    kept = opened(for_phones(moving))
    assert (kept.n_frames, kept.info["loop"]) == (4, 0)
    original = Image.open(BytesIO(moving))
    for frame in range(4):
        kept.seek(frame)
        original.seek(frame)
        assert kept.info["duration"] == 80
        assert kept.convert("RGB").tobytes() == original.convert("RGB").tobytes()


def test_a_moving_gif_that_is_too_much_for_phones_is_refused_with_the_reason():
    noise = [Image.frombytes("P", (300, 300), random.Random(n).randbytes(90_000)) for n in range(6)]
    heavy = written(noise[0], "GIF", save_all=True, append_images=noise[1:])
    assert "This moving GIF has 0.7 MB, too much for some phones" in refusal(heavy)
    assert "This moving GIF is 1700 × 10 pixels large" in refusal(make_moving(size=(1700, 10)))


def test_a_moving_gif_of_very_many_frames_is_refused(monkeypatch):
    monkeypatch.setattr("stories.media.FRAMES_PIXELS_MAX", 3000)
    assert "too many pictures in it" in refusal(make_moving(frames=3))


def test_a_moving_png_is_refused_rather_than_silently_standing_still():
    assert "This PNG moves" in refusal(make_moving("PNG"))


NO_PICTURES = {
    "empty": (b"", "is not a JPEG, PNG or GIF picture"),
    "PDF": (b"%PDF-1.7", "is not a JPEG, PNG or GIF picture"),
    "HTML": (HTML, "is not a JPEG, PNG or GIF picture"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a JPEG, PNG or GIF picture"),
    "BMP": (make_picture("BMP"), "is not a JPEG, PNG or GIF picture"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "an iPhone’s HEIC picture"),
    "HEIF": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "an iPhone’s HEIC picture"),
    "WebP": (make_picture("WEBP"), "a WebP picture, which many phones cannot show. Export it as JPEG"),
    "AVIF": (make_picture("AVIF"), "an AVIF picture"),
    "TIFF": (make_picture("TIFF"), "a TIFF picture"),
    "HTML as JPEG": (b"\xff\xd8\xff" + HTML, "damaged or cut off"),
    "HTML as PNG": (b"\x89PNG\r\n\x1a\n" + HTML, "damaged or cut off"),
    "HTML as GIF": (b"GIF89a" + HTML, "damaged or cut off"),
}


@pytest.mark.parametrize(("content", "sentence"), NO_PICTURES.values(), ids=NO_PICTURES)
def test_what_is_no_picture_for_phones_is_refused_with_a_sentence_that_helps(content, sentence):
    assert sentence in refusal(content, "picture.jpg")


@pytest.mark.parametrize(
    "content",
    [make_noise("JPEG"), make_noise("PNG"), make_noise("GIF", mode="L"), make_moving()],
    ids=["JPEG", "PNG", "GIF", "moving GIF"],
)
def test_a_picture_that_is_cut_off_is_refused(content):
    for share in (0.3, 0.6, 0.95):
        assert "damaged or cut off" in refusal(content[: int(len(content) * share)])


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, about what it reads past.
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "moving GIF"])
def test_whatever_is_broken_in_a_picture_it_is_refused_or_made_sound(kind):
    chance = random.Random(kind)
    for _ in range(150):
        content = bytearray(TELLTALE[kind])
        for _ in range(chance.choice([1, 2, 8])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        with suppress(ValidationError):
            opened(for_phones(bytes(content)))


def png_of(width: int, height: int) -> bytes:
    """Return the beginning of a PNG that says it is so large, with hardly any content."""
    header = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\0\0\0"
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4) for name, content in chunks
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_that_would_fill_the_memory_is_refused_before_it_is_unpacked():
    assert "more than 25 megapixels" in refusal(png_of(5001, 5000))
    assert "more than 25 megapixels" in refusal(png_of(12_000, 12_000))
    assert "far too many pixels" in refusal(png_of(100_000, 100_000))
    assert "too many pixels" in refusal(b"GIF89a\xff\xff\xff\xff" + make_picture("GIF")[10:])
    info = PngInfo()
    info.add_text("Comment", "x" * 2_000_000, zip=True)
    assert "damaged" in refusal(make_picture("PNG", pnginfo=info))


def test_a_file_that_is_too_large_is_refused_before_it_is_opened(monkeypatch):
    monkeypatch.setattr("stories.media.UPLOAD_BYTES_MAX", 1_000_000)
    assert refusal(b"\xff\xd8\xff" + bytes(1_600_000)) == "This file has 2 MB; choose one of 1 MB at most."


def test_the_form_field_gives_back_what_phones_get():
    picture = PictureField().clean(ContentFile(make_noise("JPEG", exif=IN_HAND), "IMG_0001.PNG"))
    assert isinstance(picture, PhonePicture)
    assert PictureField().clean(picture) is picture
    with pytest.raises(ValidationError):
        PictureField().clean(ContentFile(HTML, "IMG_0001.JPG"))


@pytest.mark.django_db
def test_a_picture_that_was_not_made_for_phones_is_not_valid_in_a_text():
    with pytest.raises(ValidationError) as error:
        StoryText(media=ContentFile(make_picture(), "a.png")).full_clean(exclude=["story", "position"])
    assert "media" in error.value.message_dict
    StoryText(media=for_phones(make_picture())).full_clean(exclude=["story", "position"])
