"""Pictures go to their storage before the transaction that saves their texts: no database waits for a distant one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.core.files.storage import default_storage

from .media import PhonePicture
from .models import StoryText, new_picture_name


@contextmanager
def stored(pictures: Iterable[PhonePicture]) -> Iterator[None]:
    """Store these pictures; at the end, delete those that no text has, since saving was refused or has failed.

    Call it outside a transaction.
    """
    kept: list[str] = []
    try:
        for picture in pictures:
            picture.stored_as = default_storage.save(new_picture_name(picture), picture)
            kept.append(picture.stored_as)
        yield
    finally:
        for name in without_text(kept):
            default_storage.delete(name)


def without_text(names: list[str]) -> set[str]:
    taken = StoryText.objects.filter(media__in=names).values_list("media", flat=True) if names else []
    return set(names) - set(taken)
