"""What to do about each of Twilio's errors: a table of its codes."""

from enum import Enum


class Action(Enum):
    """What the sender does about an error."""

    RETRY = "send again later"  # it was certainly not processed
    SLOW_DOWN = "send again in the queue's order, all of them later"
    LOOK_UP = "outcome unknown: look first, then send again"
    RETRY_FEW = "send again, a few times"
    RETRY_ONCE = "send again, once"
    RETRY_TOMORROW = "send again tomorrow"
    OPT_OUT = "the reader opted out"
    GIVE_UP_READER = "give up on this reader"
    GIVE_UP_TEXT = "give up on this text"
    NEW_SENDER = "send from the configured number; stop everything if it was that one"
    HOLD = "stop everything"


# Twilio's error codes of API answers and of status callbacks.
ACTIONS = {
    code: action
    for action, codes in {
        Action.SLOW_DOWN: (20429, 21611),
        Action.RETRY: (30001, 30022, 30450),
        Action.LOOK_UP: (20500, 20503),
        Action.RETRY_FEW: (30003, 30008, 30017, 30410, 30500),
        Action.RETRY_ONCE: (30005,),
        Action.RETRY_TOMORROW: (63038, 30023, 30027),
        Action.OPT_OUT: (21610,),
        # 21408 (that country) and 21608 (a trial account and an unverified number) depend on the reader: one of them
        # must not stop all the others.
        Action.GIVE_UP_READER: (21211, 21408, 21608, 21612, 21614, 21635, 30004, 30006),
        Action.NEW_SENDER: (21606,),
        Action.GIVE_UP_TEXT: (12300, 21602, 21617, 21618, 21619, 21620, 21623, 30007, 30019),
        Action.HOLD: (20003, 20005, 21703, 30002, 30024, 30032, 30033, 30034, 30035),
    }.items()
    for code in codes
}


def action_for(code: int | None, http_status: int = 400) -> Action:
    """Return what to do about an error code, or about an HTTP status that came without a known code."""
    if code in ACTIONS:
        return ACTIONS[code]
    if http_status == 429:
        return Action.SLOW_DOWN
    if http_status in (401, 403):
        return Action.HOLD
    return Action.LOOK_UP if http_status >= 500 else Action.RETRY_FEW
