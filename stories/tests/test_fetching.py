import socket
import ssl
import time
from ipaddress import ip_address

import pytest
from django.contrib.auth.models import Group, User
from django.db import connections
from django.urls import reverse
from yarl import URL

from stories import fetching
from stories.fetching import is_public, link_problems
from stories.models import Story

from .factory import make_story
from .picture_server import Answer, PictureServer
from .pictures import make_moving, make_noise, make_picture
from .test_admin import form_of, page_of

PICTURE = make_noise()


@pytest.fixture
def server(settings):
    """A server of pictures on this machine, the one place on it that links may lead to."""
    with PictureServer() as server:
        settings.LINKS_MAY_ALSO_REACH = frozenset({("127.0.0.1", server.port)})
        yield server


def problem(url: str) -> str:
    """Return what is wrong with a link, or nothing."""
    return link_problems([url]).get(url, "")


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (make_noise("JPEG"), "image/jpeg"),
        (make_noise("JPEG"), "image/jpg"),
        (PICTURE, "image/png"),
        (PICTURE, "image/png; charset=binary"),
        (make_moving(), "image/gif"),
    ],
    ids=["jpeg", "jpg", "png", "png with more", "moving gif"],
)
def test_a_link_to_a_picture_is_fine(server, content, content_type):
    url = server.link("/picture?size=2", Answer(content, content_type))
    assert problem(url) == ""
    assert server.asked == [("127.0.0.1", f"127.0.0.1:{server.port}", "/picture?size=2")]


WRONG = {
    "404": (Answer(status=404), "There is no picture at this link (the server says 404)."),
    "403": (Answer(status=403), "There is no picture at this link (the server says 403)."),
    "500": (Answer(status=500), "There is no picture at this link (the server says 500)."),
    "page": (Answer(b"<html>", "text/html; charset=utf-8"), "This link leads to a web page, not to a picture"),
    "HTML": (Answer(b"<html>", "image/png"), "is not a JPEG, PNG or GIF picture"),
    "empty": (Answer(b"", "image/png"), "is not a JPEG, PNG or GIF picture"),
    "WebP": (Answer(make_picture("WEBP"), "image/webp"), "is not a JPEG, PNG or GIF picture"),
    "no type": (Answer(PICTURE, "application/octet-stream"), "The server gives this picture out as something else"),
    "wrong type": (Answer(PICTURE, "image/jpeg"), "The server gives this picture out as something else"),
    "without type": (Answer(PICTURE, None), "The server gives this picture out as something else"),
    "cut off": (Answer(PICTURE[:500]), "This picture is damaged or cut off"),
    "broken off": (Answer(PICTURE[:500], length=len(PICTURE)), "does not answer as it should"),
    "too long": (Answer(b"", length=50_000_000), "This picture has more than 5 MB"),
    "too large": (Answer(bytes(5_500_000)), "This picture has more than 5 MB"),
    "nowhere": (Answer(status=302), "There is no picture at this link (the server says 302)."),
    "file": (Answer(status=302, location="file:///etc/passwd"), "begins with https:// or http://"),
    "gopher": (Answer(status=302, location="gopher://127.0.0.1/"), "begins with https:// or http://"),
    "bad address": (Answer(status=302, location="http://[::1"), "does not answer as it should"),
    "on and on": (Answer(status=302, location="/1"), "This link leads on and on"),
}


@pytest.mark.parametrize(("answer", "sentence"), WRONG.values(), ids=WRONG)
def test_a_link_that_cannot_be_sent_is_refused_in_words(server, answer, sentence):
    server.answers |= {f"/{step}": Answer(status=301, location=f"/{step + 1}") for step in range(1, 9)}
    assert sentence in problem(server.link("/picture.png", answer))
    assert len(server.asked) <= 4


def test_a_link_is_followed_to_where_the_picture_has_moved(server):
    server.link("/3", Answer(PICTURE))
    server.link("/2", Answer(status=308, location=f"{server.url}/3"))
    server.link("/1", Answer(status=303, location="2"))
    assert problem(server.link("/0", Answer(status=302, location="/1"))) == ""
    assert [path for _, _, path in server.asked] == ["/0", "/1", "/2", "/3"]


def test_no_more_is_read_of_a_file_than_phones_take(server):
    endless = Answer(bytes(60_000_000), piece=100_000)
    started = time.monotonic()
    assert "more than 5 MB" in problem(server.link("/endless.png", endless))
    assert time.monotonic() - started < 5


def test_a_server_that_does_not_answer_is_not_waited_for(server, monkeypatch):
    monkeypatch.setattr(fetching, "READ_SECONDS", 0.2)
    slow = server.link("/slow.png", Answer(PICTURE, seconds=1))
    assert "takes too long to answer" in problem(slow)


def test_a_server_that_is_not_there_is_refused_in_words(settings):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.LINKS_MAY_ALSO_REACH = frozenset({closed.getsockname()})
        assert "does not answer as it should" in problem(f"http://127.0.0.1:{closed.getsockname()[1]}/a.png")
    assert "There is no server of this name" in problem("http://pictures.invalid/a.png")


def test_a_server_that_never_comes_to_an_end_costs_no_more_than_the_time_for_all(server, monkeypatch):
    monkeypatch.setattr(fetching, "ALL_SECONDS", 0.5)
    drip = Answer(bytes(1000), piece=1, seconds=0.05)
    urls = [server.link(f"/{number}.png", drip) for number in range(20)]
    started = time.monotonic()
    assert ["takes too long" in sentence for sentence in link_problems(urls).values()] == [True] * 20
    assert time.monotonic() - started < 2


def test_many_links_are_fetched_at_once_each_once_and_told_apart(server):
    good = [server.link(f"/{number}.png", Answer(PICTURE, seconds=0.1)) for number in range(12)]
    bad = server.url + "/gone.png"
    started = time.monotonic()
    assert list(link_problems([*good, bad, *good])) == [bad]
    assert time.monotonic() - started < 1.1
    assert len(server.asked) == 13


PRIVATE = """127.0.0.1 127.8.8.8 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
    192.0.0.1 192.0.2.1 198.18.0.1 203.0.113.9 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:10.0.0.1 fe80::1 fe80::1%eth0 fc00::1 fd00::1
    fec0::1 ff02::1 100::1 2001:db8::1 2001::1 2002:7f00:1:: 2002:808:808:: 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1
    64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8""".split()  # noqa: SIM905
PUBLIC = "8.8.8.8 93.184.215.14 172.32.0.1 100.128.0.1 2606:4700::1111 2a00:1450::8a 64:ff9b::8.8.8.8".split()  # noqa: SIM905


@pytest.mark.parametrize(("addresses", "public"), [(PRIVATE, False), (PUBLIC, True)], ids=["private", "public"])
def test_only_addresses_of_the_public_internet_are_public(addresses, public):
    assert [address for address in addresses if is_public(ip_address(address)) != public] == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "localhost.", "LOCALHOST", "[::1]", "[::ffff:127.0.0.1]", "[::]", "0.0.0.0", "127.1",  # noqa: S104
        "0", "2130706433", "0x7f000001", "0177.0.0.1", "１２７.０.０.１", "127。0。0。1", "10.0.0.1", "192.168.0.1",
        "169.254.169.254", "[fe80::1]", "[64:ff9b::7f00:1]", "user:password@127.0.0.1", "example.org@127.0.0.1",
    ],
)  # fmt: skip
def test_no_link_connects_into_our_own_network(monkeypatch, scheme, host):
    sockets = []
    monkeypatch.setattr(socket.socket, "connect", lambda *args: sockets.append(args))
    assert problem(f"{scheme}://{host}/picture.png") in (fetching.PRIVATE, fetching.NO_ANSWER, fetching.NO_SERVER)
    assert sockets == []


def test_a_link_to_another_port_or_address_of_this_machine_is_refused_though_one_is_allowed(server):
    with PictureServer({"/a.png": Answer(PICTURE)}) as other:
        assert "names a port of its own" in problem(f"{other.url}/a.png")
        assert "names a port of its own" in problem(
            server.link("/a", Answer(status=302, location=f"{other.url}/a.png"))
        )
        assert other.asked == []


def test_a_redirect_into_our_own_network_is_refused(server):
    for target in (
        "http://127.0.0.1/",
        "http://localhost/",
        "http://169.254.169.254/latest/",
        "//[::1]/",
        "https://0/",
    ):
        assert problem(server.link("/a.png", Answer(status=302, location=target))) in (
            fetching.PRIVATE,
            fetching.NO_ANSWER,
        )


class Names:
    """What a name server under an attacker's hand says: the answers in order, the last one again and again."""

    def __init__(self, answers: list[list[str]]):
        self.answers, self.asked = answers, 0

    def __call__(self, host, port, *args, **kwargs):
        addresses = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


@pytest.fixture
def names(monkeypatch):
    def answering(*answers: list[str]) -> Names:
        resolver = Names(list(answers))
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        return resolver

    return answering


def named(server: PictureServer, path: str) -> str:
    return str(URL(server.url + path).with_host("pictures.example"))


def test_a_name_is_asked_for_once_and_connected_to_where_it_led(server, names):
    resolver = names(["127.0.0.1"], ["127.0.0.2"])
    server.link("/a.png", Answer(PICTURE))
    assert problem(named(server, "/a.png")) == ""
    assert resolver.asked == 1
    assert server.asked == [("127.0.0.1", f"pictures.example:{server.port}", "/a.png")]


def test_a_name_that_leads_elsewhere_a_moment_later_gains_nothing(server, names):
    names(["127.0.0.1"], ["10.0.0.1"])
    server.link("/a.png", Answer(status=302, location="http://pictures-again.example/b.png"))
    assert problem(named(server, "/a.png")) == fetching.PRIVATE
    assert len(server.asked) == 1


def test_a_name_that_leads_into_our_own_network_is_refused(server, names):
    for addresses in (["127.0.0.2"], ["10.0.0.1", "192.168.0.1"], ["169.254.169.254"]):
        names(addresses)
        assert problem(named(server, "/a.png")) == fetching.PRIVATE
    assert server.asked == []


def test_a_server_has_to_prove_that_it_has_the_name_of_the_link(server, names):
    asked_as = []
    without_certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    without_certificate.sni_callback = lambda connection, name, context: asked_as.append(name)
    server.server.socket = without_certificate.wrap_socket(server.server.socket, server_side=True)
    names(["127.0.0.1"])
    assert problem(named(server, "/a.png").replace("http:", "https:")) == fetching.CERTIFICATE
    assert asked_as == ["pictures.example"]


def test_no_proxy_of_the_environment_is_asked(server, monkeypatch):
    with PictureServer() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert problem(server.link("/a.png", Answer(PICTURE))) == ""
        assert proxy.asked == []


@pytest.fixture
def journalist(client, db):
    user = User.objects.create_user("jo", is_staff=True)
    user.groups.add(Group.objects.get(name="Journalists"))
    client.force_login(user)
    return client


def errors_of(response) -> list[dict]:
    return response.context["inline_admin_formsets"][0].formset.errors


def test_a_link_is_fetched_when_it_is_new_and_not_again_when_its_story_is_saved(journalist, server):
    story = make_story([("a", 0), ("b", 0)])
    link = server.link("/a.png", Answer(PICTURE))
    assert journalist.post(page_of(story), form_of(story, [{"media_url": link}])).status_code == 302
    assert story.texts.get(position=1).media_url == link
    server.answers.clear()
    response = journalist.post(page_of(story), form_of(story, [{"ORDER": 2, "body": "c"}, {"ORDER": 1}]))
    assert response.status_code == 302
    assert len(server.asked) == 1


def test_a_link_that_cannot_be_sent_is_refused_at_its_text(journalist, server):
    story = make_story([("a", 0), ("b", 0)])
    gone = server.url + "/gone.png"
    response = journalist.post(page_of(story), form_of(story, [{}, {"media_url": gone}]))
    assert errors_of(response) == [{}, {"media_url": [fetching.NOT_THERE % 404]}]
    response = journalist.post(reverse("admin:stories_story_add"), form_of(Story(title="B"), [{"media_url": gone}]))
    assert errors_of(response) == [{"media_url": [fetching.NOT_THERE % 404]}]
    assert len(server.asked) == 2


def test_one_who_may_not_change_a_story_has_nothing_fetched(client, server, db):
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    story = make_story([("a", 0)])
    link = server.link("/a.png", Answer(PICTURE))
    assert client.post(page_of(story), form_of(story, [{"media_url": link}])).status_code == 403
    assert server.asked == []


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_no_transaction_waits_for_another_server(client, server):
    client.force_login(User.objects.create_superuser("root"))
    story = make_story([("a", 0)])
    within, database = [], connections["default"]
    answer = Answer(PICTURE, before=lambda: within.append(database.in_atomic_block))
    client.post(page_of(story), form_of(story, [{"media_url": server.link("/a.png", answer)}]))
    assert story.texts.get().media_url
    assert within == [False]
