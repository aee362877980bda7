"""The pictures that a file names: addresses, pictures that the story has already, and files beside the script."""

from collections.abc import Collection
from pathlib import Path, PurePosixPath

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db.models.fields.files import FieldFile

from ..fetching import link_problems
from ..media import PhonePicture, phone_picture
from ..models import StoryText
from .drafts import StoryDraft, TextDraft


class Pictures:
    """What stands behind each picture of a draft; one that is nowhere, or cannot be sent, is a problem of the draft.

    Making it takes long, since files are read and new links are fetched: make it outside a transaction.
    """

    def __init__(self, draft: StoryDraft, folder: Path | None = None, sound_links: Collection[str] = ()):
        """Look at the pictures of this draft, whose files lie in `folder`, if anywhere.

        Of the new links, `sound_links` were found to be pictures a moment ago and are not fetched again.
        """
        self.draft, self.folder = draft, folder
        self.files: dict[str, PhonePicture] = {}
        self.present: dict[str, str] = {}
        pictures = {text.picture for text in draft.texts if text.picture}
        links = new_links(pictures)
        self.problems = link_problems(link for link in links if link not in sound_links)
        self.sound_links = [link for link in links if link not in self.problems]
        for name in pictures:
            if not is_address(name):
                self.read(name)

    def read(self, name: str) -> None:
        """Read the file of this name beside the script, or in a folder there, but nowhere else."""
        if self.folder is None:
            self.problems[name] = (
                f"This story has no picture “{name}”. Write its address, which begins with https://, or leave the "
                "picture out and choose it at its text when the story is saved."
            )
            return
        path = (self.folder / name).resolve()
        if not (path.is_relative_to(self.folder.resolve()) and path.is_file()):
            self.problems[name] = (
                f"There is no file “{name}” beside this one. Put the picture there, or write its address (https://…)."
            )
            return
        try:
            self.files[name] = phone_picture(ContentFile(path.read_bytes(), path.name))
        except ValidationError as error:
            self.problems[name] = f"{name}: {error.messages[0]}"

    def find(self, texts: list[StoryText]) -> None:
        """Find the named pictures that these texts of the story have already; complain of those that are nowhere."""
        stored = {text.media.name: text.media for text in texts if text.media}
        named = {text.picture for text in self.draft.texts if text.picture and not is_address(text.picture)}
        found = {name: self.find_among(stored, name) for name in named}
        self.present = {name: known for name, known in found.items() if known}
        for text in self.draft.texts:
            if self.is_missing(text.picture):
                self.draft.complain(text.picture_line, self.problems[text.picture])

    def find_among(self, stored: dict[str, FieldFile], name: str) -> str | None:
        for known in stored:
            if name in (known, PurePosixPath(known).name):
                return known
        file = self.files.get(name)
        return next((known for known, media in stored.items() if file and contains_same(media, file)), None)

    def is_missing(self, picture: str) -> bool:
        return picture in self.problems and picture not in self.present

    def key(self, picture: str) -> str:
        """Return what tells this picture from others: an address, the name under which it is kept, or a new one's."""
        is_new = picture in self.files and picture not in self.present
        return f"{picture} (new)" if is_new else self.present.get(picture, picture)

    def values(self, said: TextDraft) -> tuple[PhonePicture | str, str]:
        """Return what is saved as a text's media and media_url."""
        if is_address(said.picture):
            return "", said.picture
        file = self.files.get(said.picture)
        return self.present.get(said.picture) or (file and file.stored_as) or file or said.picture, ""

    @property
    def new_files(self) -> list[PhonePicture]:
        """The files that no text has yet, as far as `find` has looked."""
        return [file for name, file in self.files.items() if name not in self.present]


def is_address(picture: str) -> bool:
    return "://" in picture


def new_links(pictures: set[str]) -> list[str]:
    """Return the links among these that no text has yet; the others were looked at when they were saved."""
    known = set(StoryText.objects.filter(media_url__in=pictures).values_list("media_url", flat=True))
    return [picture for picture in sorted(pictures - known) if is_link(picture)]


def is_link(picture: str) -> bool:
    """Tell whether this can be saved as a link; if not, saving says why."""
    try:
        StoryText._meta.get_field("media_url").run_validators(picture)
    except ValidationError:
        return False
    return is_address(picture)


def contains_same(media: FieldFile, file: PhonePicture) -> bool:
    try:
        if media.size != file.size:
            return False
        with media.storage.open(media.name) as stored:
            return stored.read() == file.open().read()
    except OSError:
        return False
