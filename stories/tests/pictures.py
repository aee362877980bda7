"""Pictures for tests, small and made on the spot."""

import random
from io import BytesIO

from PIL import Image


def make_picture(
    kind: str = "PNG", size: tuple[int, int] = (40, 30), colour="red", mode: str = "RGB", **options
) -> bytes:
    """Return the file of a picture of one colour."""
    return written(Image.new(mode, size, colour), kind, **options)


def make_noise(kind: str = "PNG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **options) -> bytes:
    """Return the file of a picture that no compression makes much smaller, always the same."""
    noise = random.Random(1).randbytes(size[0] * size[1] * len(mode))
    return written(Image.frombytes(mode, size, noise), kind, **options)


def make_moving(kind: str = "GIF", size: tuple[int, int] = (40, 30), frames: int = 3, **options) -> bytes:
    """Return the file of a moving picture, each of whose frames has another colour."""
    first, *others = [Image.new("RGB", size, (60 * number, 0, 255)) for number in range(1, frames + 1)]
    return written(first, kind, save_all=True, append_images=others, duration=80, loop=0, **options)


def written(picture: Image.Image, kind: str, **options) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
