"""The ways through a story: what each of its texts leads to. Pure computation, on texts in their order, saved or not.

A text is named here by its place in that order, counted from 0; END is the place behind every ending.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .turns import Choice, Follows, Turn

END = -1


class Branching(Protocol):
    """What is to be known of a text: what it is called, and what follows it."""

    label: str

    @property
    def turn(self) -> Turn: ...


@dataclass(frozen=True, slots=True)
class Lead:
    """One way on from a text: to the place `to`, by an answer, or by itself (`choice` None)."""

    to: int
    choice: Choice | None = None
    missing: str = ""  # the name that it should lead to, where no text has it


class Branches:
    """All ways on in a story; `leads` are those of each text."""

    def __init__(self, texts: Iterable[Branching]):
        self.texts = list(texts)
        self.places: dict[str, int] = {}
        for place, text in enumerate(self.texts):
            if text.label:
                self.places.setdefault(text.label, place)
        self.leads = [list(self.leads_of(place, text.turn)) for place, text in enumerate(self.texts)]

    def leads_of(self, place: int, turn: Turn) -> Iterator[Lead]:
        match turn.follows:
            case Follows.ANSWER if turn.choices:
                for choice in turn.choices:
                    yield self.lead(place, choice.leads_to, choice)
            case Follows.LEAD:
                yield self.lead(place, turn.leads_to)
            case Follows.END:
                yield Lead(END)
            case _:
                yield self.lead(place, "")

    def lead(self, place: int, name: str, choice: Choice | None = None) -> Lead:
        """Return the way to the text of this name; where there is none, as without a name, to the next one."""
        following = place + 1 if place + 1 < len(self.texts) else END
        missing = name if name not in self.places else ""
        return Lead(self.places.get(name, following), choice, missing)

    @property
    def is_straight(self) -> bool:
        """Whether each text leads to the next, whatever readers answer: nothing is to be chosen between."""
        return not any(text.turn.leads_away for text in self.texts)

    @property
    def asks(self) -> bool:
        return any(text.turn.asks for text in self.texts)

    def unreachable(self) -> list[int]:
        """Return the texts that no way from the first one leads to."""
        seen = reached([0] if self.texts else [], lambda place: [lead.to for lead in self.leads[place]])
        return [place for place in range(len(self.texts)) if place not in seen]

    def endless(self) -> list[int]:
        """Return the texts from which no way leads to an end."""
        before: dict[int, list[int]] = {place: [] for place in range(END, len(self.texts))}
        for place, leads in enumerate(self.leads):
            for lead in leads:
                before[lead.to].append(place)
        seen = reached([END], before.__getitem__)
        return [place for place in range(len(self.texts)) if place not in seen]

    def unanswered(self, place: int) -> int:
        """Return the text that comes after this one without an answer; END where none does."""
        turn = self.texts[place].turn
        leads = [lead for lead in self.leads[place] if lead.choice == turn.default] if turn.asks else self.leads[place]
        return leads[0].to if leads and (turn.default or not turn.asks) else END

    def goes_round(self, place: int) -> bool:
        """Tell whether a reader who never answers would come back to this text."""
        seen, following = set(), self.unanswered(place)
        while following not in (END, place) and following not in seen:
            seen.add(following)
            following = self.unanswered(following)
        return following == place

    def loops(self) -> list[tuple[int, int]]:
        """Return the ways that lead back to a text that one has had, as pairs of places: as few as explain all loops.

        Without them, every way through the story ends.
        """
        found, state = [], dict.fromkeys(range(len(self.texts)), "new")
        for start in range(len(self.texts)):
            stack = [(start, iter(self.leads[start]))] if state[start] == "new" else []
            state[start] = "open" if stack else state[start]
            while stack:
                place, leads = stack[-1]
                lead = next(leads, None)
                if lead is None:
                    state[place] = "done"
                    stack.pop()
                elif lead.to != END and state[lead.to] == "open":
                    found.append((place, lead.to))
                elif lead.to != END and state[lead.to] == "new":
                    state[lead.to] = "open"
                    stack.append((lead.to, iter(self.leads[lead.to])))
        return list(dict.fromkeys(found))

    def order(self) -> list[int]:
        """Return all texts so that each stands before those that it leads to, but for the ways back."""
        back, done = set(self.loops()), []
        seen: set[int] = set()
        for start in range(len(self.texts)):
            stack = [(start, False)]
            while stack:
                place, is_left = stack.pop()
                if is_left:
                    done.append(place)
                elif place not in seen:
                    seen.add(place)
                    stack.append((place, True))
                    onward = (lead.to for lead in self.leads[place] if (place, lead.to) not in back)
                    stack += [(to, False) for to in onward if to != END and to not in seen]
        return done[::-1]

    def way(self, weight: Callable[[int], float], most: bool = False, start: int = 0) -> list[int]:
        """Return the way from a text to an end whose texts weigh least, or most, in sum; it never leads back."""
        back = set(self.loops())
        choose = max if most else min
        best: dict[int, tuple[float, int]] = {END: (0, END)}
        for place in reversed(self.order()):
            onward = {lead.to for lead in self.leads[place] if (place, lead.to) not in back}
            ends = [(best[to][0], to) for to in sorted(onward) if to in best]
            if ends:
                onward_weight, to = choose(ends, key=lambda end: end[0])
                best[place] = (weight(place) + onward_weight, to)
        found, place = [], start if self.texts else END
        while place != END and place in best:
            found.append(place)
            place = best[place][1]
        return found


def reached(start: Sequence[int], onward: Callable[[int], Iterable[int]]) -> set[int]:
    """Return the places that lead from those of `start`, themselves among them; END only where it is one of them."""
    seen, waiting = set(start), list(start)
    while waiting:
        new = {place for place in onward(waiting.pop()) if place != END} - seen
        seen |= new
        waiting += new
    return seen
