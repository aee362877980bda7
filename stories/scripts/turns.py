"""What follows a text, as the lines of a file say it.

# pier                             its name: answers and other texts lead to it
-> ship                            it leads to another text; -> end ends the story
* A, board -> ship                 an answer that it waits for, and where that leads
* stay -> next                     to the text after it
* anything -> next                 whatever is answered
* hint: Answer A or B.             what any other answer gets
* keep: name                       later texts say what was answered as {name|friend}
* after 2 days: B                  the answer that is taken when none came
* after 2 days, remind: Well?      or what is sent then
"""

import re
from dataclasses import replace
from datetime import timedelta

from django.core.exceptions import ValidationError

from ..turns import ARROW, END, NEXT, Choice, Follows, Turn, parse_answer_time, parse_keeps, parse_label, parse_name
from ..waits import delay_in_words

LABEL = re.compile(r"#\s+(?P<name>\w[\w -]*)")
LEAD = re.compile(rf"{ARROW.pattern}(?P<name>\w[\w -]*)")
# Word processors make bullets of stars.
STAR = re.compile(r"[*•]\s+(?P<said>.+)")
CHOICE = re.compile(rf".*?{ARROW.pattern}.*")
HINT = re.compile(r"hint\s*[:：]\s*(?P<words>.+)", re.IGNORECASE)
KEEP = re.compile(r"keep\s*[:：]\s*(?P<words>.+)", re.IGNORECASE)
AFTER = re.compile(r"(?P<time>after\b[^:：,]*)(?P<remind>,\s*remind)?\s*[:：]\s*(?P<words>.+)", re.IGNORECASE)
SAID = (HINT, KEEP, AFTER, CHOICE)


def is_turn(line: str) -> bool:
    """Tell whether a line says what a text is called, or what follows it."""
    line = line.strip()
    starred = STAR.fullmatch(line)
    return bool(
        LABEL.fullmatch(line)
        or LEAD.fullmatch(line)
        or (starred and any(form.fullmatch(starred["said"]) for form in SAID))
    )


def turn_in_lines(turn: Turn) -> list[str]:
    if turn.follows == Follows.NEXT:
        return []
    if not turn.asks:
        return [f"-> {turn.leads_to or END}"]
    lines = [f"* {', '.join(choice.words)} -> {choice.leads_to or NEXT}" for choice in turn.choices]
    lines += [f"* hint: {turn.hint}"] if turn.hint else []
    lines += [f"* keep: {turn.keeps}"] if turn.keeps else []
    if turn.answer_within:
        after = f"* after {delay_in_words(turn.answer_within)}"
        lines += [f"{after}: {turn.default_answer}"] if turn.default_answer else []
        lines += [f"{after}, remind: {turn.reminder}"] if turn.reminder else []
    return lines


class TurnReader:
    """The lines of one text that say its name and what follows it."""

    def __init__(self):
        self.label, self.turn = "", Turn()

    def read(self, line: str) -> None:
        """Take one line; raise ValidationError where it says what cannot be."""
        line = line.strip()
        if label := LABEL.fullmatch(line):
            self.name(label["name"])
        elif lead := LEAD.fullmatch(line):
            self.lead(parse_name(lead["name"]))
        else:
            self.ask(STAR.fullmatch(line)["said"])

    def name(self, words: str) -> None:
        if self.label:
            raise ValidationError(f"A text has one name, and this one is “{self.label}” already.")
        self.label = parse_label(words)

    def lead(self, name: str) -> None:
        if self.turn.follows != Follows.NEXT:
            raise ValidationError("A text leads to one other, or waits for an answer. This one does so already.")
        follows = Follows.LEAD if name not in (NEXT, END) else Follows(name)
        self.turn = Turn(follows, name if follows == Follows.LEAD else "")

    def ask(self, said: str) -> None:
        if self.turn.follows not in (Follows.NEXT, Follows.ANSWER):
            raise ValidationError("A text leads to another one, or waits for an answer. This one leads on already.")
        self.turn = replace(self.turn, follows=Follows.ANSWER, **self.said(said))

    def said(self, said: str) -> dict[str, object]:
        """Return what a line with a star says, by the field that it fills."""
        if found := HINT.fullmatch(said):
            return self.once("hint", found["words"], "hint")
        if found := KEEP.fullmatch(said):
            return self.once("keeps", parse_keeps(found["words"]), "name for the answer")
        if found := AFTER.fullmatch(said):
            field = "reminder" if found["remind"] else "default_answer"
            return self.once(field, found["words"], "word on what happens then") | self.time(found["time"])
        return {"choices": (*self.turn.choices, Choice.parse(said))}

    def once(self, field: str, value: str, what: str) -> dict[str, object]:
        if getattr(self.turn, field):
            raise ValidationError(f"A text has one {what}; this is the second.")
        return {field: value}

    def time(self, words: str) -> dict[str, timedelta]:
        within = parse_answer_time(words)
        if self.turn.answer_within not in (None, within):
            raise ValidationError("An answer has one time; this is another one.")
        return {"answer_within": within}
