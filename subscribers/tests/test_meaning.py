"""What each text means: a table of texts, and the order in which meanings are looked for."""

import pytest

from subscribers.meaning import Decision, Facts, Keyword, Meaning, decide, is_near, sender_kind

LONG_CODE, TOLL_FREE, SHORT_CODE = "+14155550100", "+18335550100", "54321"
KEYWORDS = {
    "FERRY": Keyword(1),
    "FOREST": Keyword(2),
    "UNDER THE RIVER": Keyword(3),
    "RIO": Keyword(4),
    "SHOP": Keyword(5),
    "HARBOR": Keyword(6),
    "HARBOUR": Keyword(7),
    "LIGHTHOUSE": Keyword(8, reading=True),
    "AREA51": Keyword(9),
    "2024": Keyword(10),
    "O'NEILL": Keyword(11),
    "STRASSE": Keyword(12),
    "НОЧЬ": Keyword(13),
    "夜": Keyword(14),
    "PAUSES": Keyword(15),
    "HELENA": Keyword(16),
}
NEW = Facts(LONG_CODE, keywords=KEYWORDS)
READING = Facts(LONG_CODE, reading=True, keywords=KEYWORDS)
ASKED = Facts(LONG_CODE, reading=True, awaits_answer=True, keywords=KEYWORDS)
STOPPED = Facts(LONG_CODE, opted_out=True, keywords=KEYWORDS)
ABROAD = Facts(LONG_CODE, allowed=False, keywords=KEYWORDS)

TABLE = {
    # Who reads nothing.
    "new": (
        NEW,
        {
            Meaning.STOP: [
                "STOP",
                "stop",
                "Stop",
                " STOP ",
                "Stop.",
                "stop!",
                "STOP!!!",
                "“STOP”",
                "(stop)",
                "stop\n",
                "\tstop",
                "*STOP*",
                "s\u200btop",
                "stóp",
                "ＳＴＯＰ",
                "STOP 🛑",
                "🛑STOP",
                "...stop...",
                "STOPALL",
                "stopall.",
                "UNSUBSCRIBE",
                "Unsubscribe!",
                "END",
                "End.",
                "quit",
                "Quit!",
                "CANCEL",
                "cancel?",
                "REVOKE",
                "revoke",
                "OPTOUT",
                "OptOut",
                "opt out",
                "Opt-out!",
                "Stop all.",
                "st op",
                "S T O P",
                "S.T.O.P.",
                "un-subscribe",
            ],
            Meaning.HELP: [
                "HELP",
                "help",
                "Help!",
                " help? ",
                "¿help?",
                "INFO",
                "info.",
                "Info",
                # A STOP that is misspelt: help says how to stop.
                "STPO",
                "SOTP",
                "STOPP",
                "Sttop",
                "stap",
                "unsubscibe",
                "UNSUBSCRIEB",
                "cancle",
                "quitt",
                # One with few words behind it, too.
                "stop it",
                "stop texting me",
                "Please STOP",
                "STOP STOP",
                "stop now!",
                "cancel please",
            ],
            Meaning.PAUSE: ["PAUSE", "pause", "Pause.", " pause! ", "páuse"],
            Meaning.RESUME: ["RESUME", "resume", "résumé", "Resume!"],
            Meaning.AGAIN: ["AGAIN", "again?", "Again", "again, "],
            Meaning.WHERE: ["WHERE", "where?", "Where", "¿Where?", "where…"],
            Meaning.FORGET: ["FORGET", "forget", "Forget!"],
            Meaning.ANY: [
                "",
                " ",
                "?",
                "👍",
                "Hi",
                "hello",
                "Hello there!",
                "start",
                "START",
                "yes",
                "Yes!",
                "unstop",
                "story",
                "A story please",
                "help me",
                "please help",
                "info please",
                "where are you",
                "pause it",
                "paus",
                "forget it",
                "forgot",
                "again and again",
                "the end",
                "cancelled",
                "nonstop",
                "I want FERRY",
                "ferry please",
                "ferries",
                "FERRYS BOAT",
                "fe",
                "Rio2",
                "rios",
                "ri",
                "2025",
                "20245",
                "AREA52",
                "area 5",
                "harboor",
                "HARBUR",
                "Lorem ipsum dolor sit amet",
                "https://example.org/ferry",
                "'; DROP TABLE x; --",
                "<b>FERRY</b>",
                "夜夜",
                "0",
                "null",
                "shp",
            ],
            # No story for who speaks of stopping.
            Meaning.REMARK: [
                "please don't stop",
                "stop being so mean to her",
                "how do I unsubscribe?",
                "I quit.",
                "don’t stop",
            ],
        },
    ),
    # Keywords, exact and misspelt.
    "keyword": (
        NEW,
        {
            1: [
                "FERRY",
                "ferry",
                "Ferry!",
                " “ferry” ",
                "férry",
                "FERRY 🚢",
                "FERY",
                "ferryy",
                "frery",
                "verry",
                "erry",
            ],
            2: ["forest", "Forest?", "FORREST", "forst", "fores", "foerst"],
            3: ["under the river", "Under  the\nRiver", "UNDER THE RIVR", "under the rivers", "undert he river"],
            4: ["rio", "Río", "RIO."],
            5: ["shop", "Shop!", "shopp", "shoop"],
            6: ["harbor", "HARBOR", "harbo", "harbro", "harbr"],
            7: ["harbour", "HABOUR", "harbourr", "HARBOOUR"],
            9: ["area51", "AREA51", "aera51", "area 51"],
            10: ["2024", "2024."],
            11: ["O'Neill", "ONEILL", "o'neil"],
            12: ["straße", "Strasse", "strase"],
            13: ["ночь", "Ночь!", "ноч ь"],
            14: ["夜", "「夜」"],
            15: ["pauses", "Pauses"],
            16: ["helena", "Helen", "hellena"],
        },
    ),
    "reading": (
        READING,
        {
            Meaning.STOP: ["stop", "END", "quit."],
            Meaning.HELP: ["help", "STPO", "Info!"],
            Meaning.PAUSE: ["pause"],
            Meaning.WHERE: ["where", "lighthouse", "Lighthouse!", "lighthous", "LIGHTHUOSE"],
            Meaning.STORY: ["ferry", "ferri", "forest"],
            Meaning.REMARK: [
                "I love this",
                "yes",
                "start",
                "",
                "👍",
                "What next?",
                "please don't stop",
                "harboor",
                "no",
            ],
        },
    ),
    # The carrier's words, help and commands come before an answer; keywords come after it.
    "asked": (
        ASKED,
        {
            Meaning.STOP: ["stop", "End", "CANCEL!"],
            Meaning.HELP: ["help", "info"],
            Meaning.PAUSE: ["pause"],
            Meaning.AGAIN: ["again"],
            Meaning.FORGET: ["forget"],
            Meaning.ANSWER: [
                "yes",
                "START",
                "A",
                "2",
                "left",
                "ferry",
                "lighthouse",
                "",
                "STPO",
                "please don't stop",
                "🙂",
            ],
        },
    ),
    # From who has opted out, nothing is heard but START, STOP once more, and FORGET.
    "stopped": (
        STOPPED,
        {
            Meaning.STOP: ["stop", "Quit"],
            Meaning.START: ["START", "start.", "Unstop", "yes", "YES!", " Start\n"],
            Meaning.FORGET: ["forget", "FORGET!"],
            Meaning.IGNORED: [
                "ferry",
                "help",
                "where",
                "resume",
                "again",
                "hello",
                "starts",
                "start please",
                "",
                "yess",
            ],
        },
    ),
    "abroad": (
        ABROAD,
        {
            Meaning.STOP: ["stop"],
            Meaning.FORGET: ["forget"],
            Meaning.IGNORED: ["ferry", "hello", "help", "start", "where"],
        },
    ),
}
ROWS = [
    (who, facts, wanted, body)
    for who, (facts, of_who) in TABLE.items()
    for wanted, bodies in of_who.items()
    for body in bodies
]


@pytest.mark.parametrize(
    ("facts", "wanted", "body"), [row[1:] for row in ROWS], ids=[f"{who}-{body!a}" for who, *_, body in ROWS]
)
def test_a_text_means(facts, wanted, body):
    decision = decide(body, facts)
    if isinstance(wanted, int):
        assert decision == Decision(Meaning.STORY, wanted)
    else:
        assert decision.meaning is wanted


def test_the_table_is_long_and_names_no_text_twice():
    assert len(ROWS) >= 150
    assert len({(who, body) for who, *_, body in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("number", "word", "answered"),
    [
        (LONG_CODE, "STOP", True),
        (LONG_CODE, " stop ", True),
        (LONG_CODE, "Stop.", False),
        (LONG_CODE, "stóp", False),
        (LONG_CODE, "help", True),
        (LONG_CODE, "Help?", False),
        (LONG_CODE, "STPO", False),
        (TOLL_FREE, "INFO", True),
        (SHORT_CODE, "STOP", False),
        (SHORT_CODE, "HELP", False),
    ],
)
def test_a_word_is_answered_once_by_the_carrier_or_by_us(number, word, answered):
    assert decide(word, Facts(number)).answered is answered


@pytest.mark.parametrize(("word", "meaning"), [("STOP", Meaning.STOP), ("HELP", Meaning.HELP), ("START", Meaning.ANY)])
def test_the_carriers_own_word_for_a_text_counts_and_is_answered_by_it(word, meaning):
    decision = decide("arrêt", Facts(SHORT_CODE, opt_out_type=word))
    assert (decision.meaning, decision.answered) == (meaning, meaning is not Meaning.ANY)


def test_an_unknown_word_of_the_carrier_changes_nothing():
    assert decide("ferry", Facts(LONG_CODE, "LATER", keywords=KEYWORDS)).story == 1


def test_who_answers_is_a_setting(settings):
    settings.CARRIER_ANSWERS = ("short-code",)
    assert not decide("STOP", Facts(LONG_CODE)).answered
    assert not decide("STOP", Facts(LONG_CODE, opt_out_type="STOP")).answered
    assert decide("STOP", Facts(SHORT_CODE)).answered


def test_yes_is_no_opt_in_at_a_toll_free_number():
    assert decide("YES", Facts(TOLL_FREE, opted_out=True)).meaning is Meaning.IGNORED
    assert decide("START", Facts(TOLL_FREE, opted_out=True)).meaning is Meaning.START


def test_commands_may_have_other_words_or_none(settings):
    settings.COMMAND_WORDS = {"PAUSE": ("Warte", "Später bitte"), "WHERE": ()}
    assert decide("spater bitte!", NEW).meaning is Meaning.PAUSE
    for word in ("pause", "where"):
        assert decide(word, Facts(reading=True)).meaning is Meaning.REMARK


@pytest.mark.parametrize(
    ("word", "other", "near"),
    [
        ("FERRY", "FERRY", False),
        ("FERY", "FERRY", True),
        ("FERRRY", "FERRY", True),
        ("FERRI", "FERRY", True),
        ("FREERY", "FERRY", False),
        ("EFRRY", "FERRY", True),
        ("FERYR", "FERRY", True),
        ("FEYRR", "FERRY", False),
        ("", "A", True),
        ("AB", "BA", True),
        ("ABC", "CBA", False),
        ("A1", "A2", False),
        ("A1", "A12", False),
    ],
)
def test_words_are_near_that_one_slip_makes_of_each_other(word, other, near):
    assert is_near(word, other) is near
    assert is_near(other, word) is near


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+14155550100", "long-code"),
        ("+18885550100", "toll-free"),
        ("+448005550100", "long-code"),
        ("72345", "short-code"),
    ],
)
def test_our_numbers_are_of_kinds(number, kind):
    assert sender_kind(number) == kind
