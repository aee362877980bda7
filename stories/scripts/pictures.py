"""The pictures that a file names: addresses, pictures that the story has already, and files beside the script."""

from pathlib import Path, PurePosixPath

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db.models.fields.files import FieldFile

from ..media import validate_picture
from ..models import StoryText
from .drafts import StoryDraft, TextDraft


class Pictures:
    """What stands behind each picture of a draft; one that is nowhere, or cannot be sent, is a problem of the draft.

    Files are read at once, so that no transaction waits for them.
    """

    def __init__(self, draft: StoryDraft, folder: Path | None):
        self.draft, self.folder = draft, folder
        self.named = [text for text in draft.texts if text.picture and not is_address(text.picture)]
        self.files = {text.picture: file for text in self.named if (file := self.file_beside(text.picture))}
        self.present: dict[str, str] = {}

    def file_beside(self, name: str) -> ContentFile | None:
        """Return the file of this name beside the script, or in a folder there, but nowhere else."""
        if self.folder is None:
            return None
        path = (self.folder / name).resolve()
        if not (path.is_relative_to(self.folder.resolve()) and path.is_file()):
            return None
        return ContentFile(path.read_bytes(), path.name)

    def find(self, texts: list[StoryText]) -> None:
        """Look which of the named pictures these texts of the story have already; complain of what is nowhere."""
        stored = {text.media.name: text.media for text in texts if text.media}
        for text in self.named:
            found = self.find_among(stored, text.picture)
            if found:
                self.present[text.picture] = found
            elif text.picture not in self.files:
                self.draft.complain(text.picture_line, self.missing(text.picture))
            else:
                self.check(text)

    def find_among(self, stored: dict[str, FieldFile], name: str) -> str | None:
        for known in stored:
            if name in (known, PurePosixPath(known).name):
                return known
        file = self.files.get(name)
        return next((known for known, media in stored.items() if file and contains_same(media, file)), None)

    def missing(self, name: str) -> str:
        if self.folder is None:
            return (
                f"This story has no picture “{name}”. Write its address, which begins with https://, or leave the "
                "picture out and choose it at its text when the story is saved."
            )
        return f"There is no file “{name}” beside this one. Put the picture there, or write its address (https://…)."

    def check(self, text: TextDraft) -> None:
        try:
            validate_picture(self.files[text.picture])
        except ValidationError as error:
            self.draft.complain(text.picture_line, f"{text.picture}: {error.messages[0]}")

    def key(self, picture: str) -> str:
        """Return what tells this picture from others: an address, the name under which it is kept, or a new one's."""
        if picture in self.files and picture not in self.present:
            return f"{picture} (new)"
        return self.present.get(picture, picture)

    def values(self, said: TextDraft) -> tuple[ContentFile | str, str]:
        """Return what is saved as a text's media and media_url."""
        if is_address(said.picture):
            return "", said.picture
        if said.picture in self.files and said.picture not in self.present:
            return self.files[said.picture], ""
        return self.present.get(said.picture, said.picture), ""


def is_address(picture: str) -> bool:
    return "://" in picture


def contains_same(media: FieldFile, file: ContentFile) -> bool:
    try:
        if media.size != file.size:
            return False
        with media.storage.open(media.name) as stored:
            return stored.read() == file.open().read()
    except OSError:
        return False
