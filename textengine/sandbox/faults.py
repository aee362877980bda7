"""What goes wrong on request: a carrier that can be told to misbehave, and how.

`GET /faults` answers, and `PUT /faults` takes, one JSON object. PUT replaces everything: a key left out
goes back to its default, so `{}` ends all faults. The defaults:

    {
      "latency": 0,                    seconds before a create is answered; the message is accepted before
      "callback-late": 0,              seconds that every status callback comes late
      "rates": {"429": 0, ...},        kind: chance between 0 and 1, for each create or message
      "next": [                        the next requests or messages, counted; they go before the rates
        {"kind": "drop-after", "count": 1, "on": "create"}
      ],
      "numbers": {"+14155550123": "landline"}
    }

Kinds of a request: `429` and `500` (not accepted), `500-after` (accepted), `drop-before` and `drop-after`
(the connection closes without an answer, before or after accepting), `hang` and `hang-after` (no answer
until the client gives up), `garbage` (accepted; the answer is 201 but no JSON). In "next", "on" says which
requests count: `create` (default), `read` (fetch and list; the "-after" and the plain form are then the
same) or `any`. Kinds of a message: `callback-doubled` (each callback comes twice) and `callback-reversed`
(the last status comes first); they have no "on".

Outcomes of a number: `invalid` (21211), `landline` (21614), `opted-out` (21610), `unreachable` (30003),
`blocked` (30004), `carrier-rejected` (30007), or any error code. A 2xxxx code refuses the request, any
other ends the delivery. `GET /faults` shows the counts that are left.
"""

import random

from .phone_numbers import clean_phone, is_e164

REQUEST_KINDS = {
    "429": "Too many requests: not accepted",
    "500": "Server error: not accepted",
    "500-after": "Server error, though accepted",
    "drop-before": "Connection lost: not accepted",
    "drop-after": "Connection lost, though accepted",
    "hang": "No answer ever: not accepted",
    "hang-after": "No answer ever, though accepted",
    "garbage": "Accepted, but the answer is no JSON",
}
MESSAGE_KINDS = {
    "callback-doubled": "Each status callback comes twice",
    "callback-reversed": "The last status callback comes first",
}
KINDS = REQUEST_KINDS | MESSAGE_KINDS
OUTCOMES = {
    "invalid": 21211,
    "landline": 21614,
    "opted-out": 21610,
    "unreachable": 30003,
    "blocked": 30004,
    "carrier-rejected": 30007,
}
REQUESTS = ("create", "read", "any")
# A day: longer is a slip of the keyboard, and infinity would break the timers.
LONGEST = 86_400


class BadFault(ValueError):
    """What was asked for is no fault that the sandbox knows; the sentence says what is wrong."""


class Faults:
    """The faults in force. Reading them costs next to nothing while there are none."""

    def __init__(self):
        self.replace({})

    def replace(self, wanted):
        """Put `wanted`, shaped as the module says, in force; raise BadFault and change nothing if wrong."""
        if not isinstance(wanted, dict):
            raise BadFault("Faults are one JSON object.")
        unknown = set(wanted) - {"latency", "callback-late", "rates", "next", "numbers"}
        if unknown:
            raise BadFault(f"There is no fault setting named {', '.join(sorted(unknown))}.")
        latency = _seconds("latency", wanted.get("latency", 0))
        callback_late = _seconds("callback-late", wanted.get("callback-late", 0))
        rates = dict(_rate(*item) for item in _items("rates", wanted.get("rates", {})))
        upcoming = [_upcoming(item) for item in _list("next", wanted.get("next", []))]
        numbers = dict(_outcome(*item) for item in _items("numbers", wanted.get("numbers", {})))
        self.latency, self.callback_late = latency, callback_late
        self.rates = {kind: rate for kind, rate in rates.items() if rate}
        self.next, self.numbers = upcoming, numbers

    def as_json(self):
        """Return the faults in force in the shape that `replace` takes."""
        return {
            "latency": self.latency,
            "callback-late": self.callback_late,
            "rates": {kind: self.rates.get(kind, 0) for kind in KINDS},
            "next": [dict(item) for item in self.next],
            "numbers": dict(self.numbers),
        }

    def for_request(self, on):
        """Return the kind that hits this request (`create` or `read`), or None; a counted one is used up."""
        return self._take(lambda item: item.get("on") in (on, "any"), REQUEST_KINDS if on == "create" else ())

    def hits_message(self, kind):
        """Say whether `kind` hits this message; a counted one is used up."""
        return self._take(lambda item: item["kind"] == kind, (kind,)) is not None

    def code_for(self, phone):
        """Return the error code that texts to `phone` end with, or None."""
        outcome = self.numbers.get(phone)
        return OUTCOMES.get(outcome, outcome)

    def _take(self, is_meant, rated):
        for item in self.next:
            if is_meant(item):
                item["count"] -= 1
                if not item["count"]:
                    self.next.remove(item)
                return item["kind"]
        for kind, rate in self.rates.items():
            if kind in rated and random.random() < rate:  # noqa: S311 - chance, not a secret
                return kind
        return None


def _seconds(name, value):
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= LONGEST:
        raise BadFault(f"{name} is a number of seconds between 0 and {LONGEST}.")
    return value


def _rate(kind, value):
    if kind not in KINDS:
        raise BadFault(f"There is no fault named {kind}; there are {', '.join(KINDS)}.")
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise BadFault(f"The rate of {kind} is a number between 0 and 1.")
    return kind, value


def _upcoming(item):
    if not isinstance(item, dict) or item.get("kind") not in KINDS or set(item) - {"kind", "count", "on"}:
        raise BadFault('An entry of next is {"kind", "count", "on"}, with one of the kinds ' + ", ".join(KINDS) + ".")
    count = item.get("count", 1)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise BadFault("The count of an entry of next is a whole number from 1 up.")
    entry = {"kind": item["kind"], "count": count}
    if entry["kind"] in REQUEST_KINDS:
        entry["on"] = item.get("on", "create")
        if entry["on"] not in REQUESTS:
            raise BadFault(f"The on of an entry of next is one of {', '.join(REQUESTS)}.")
    return entry


def _outcome(number, outcome):
    phone = clean_phone(number)
    if phone is None or not is_e164(phone):
        raise BadFault(f"{number} is not a phone number like +14155550123, to which texts are sent.")
    if isinstance(outcome, str) and outcome.isdigit():
        outcome = int(outcome)
    is_code = isinstance(outcome, int) and not isinstance(outcome, bool) and 10000 <= outcome <= 99999
    if not is_code and not (isinstance(outcome, str) and outcome in OUTCOMES):
        raise BadFault(f"The outcome of a number is an error code of five digits or one of {', '.join(OUTCOMES)}.")
    return phone, outcome


def _items(name, value):
    if not isinstance(value, dict):
        raise BadFault(f"{name} is a JSON object.")
    return value.items()


def _list(name, value):
    if not isinstance(value, list):
        raise BadFault(f"{name} is a JSON array.")
    return value
