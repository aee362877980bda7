"""A web server for tests: keeps every request, answers as told, hands out files. Standard library only."""

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

EMPTY_TWIML = "<Response/>"


@dataclass
class Call:
    """One POST: `params` are its form fields, `url` is what the caller called."""

    url: str
    path: str
    headers: dict
    params: dict


@dataclass
class Answer:
    """What to answer a POST with; `drop` closes the connection without a word, `seconds` waits first."""

    status: int = 200
    body: str = EMPTY_TWIML
    content_type: str = "text/xml"
    drop: bool = False
    seconds: float = 0
    location: str | None = None


@dataclass
class File:
    """What GET and HEAD of a path give; `allows_head` False makes HEAD a 405."""

    content: bytes
    content_type: str | None = "image/png"
    status: int = 200
    allows_head: bool = True


@dataclass
class Receiver:
    """The server, a context manager. The answers of a path are used up in order, then the default is given."""

    calls: list = field(default_factory=list)
    fetches: list = field(default_factory=list)
    answers: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    default: Answer = field(default_factory=Answer)

    def __enter__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc_info):
        self.server.shutdown()
        self.server.server_close()

    def reset(self):
        """Forget everything; calls that are still on their way may come after."""
        self.calls, self.fetches, self.answers, self.files = [], [], {}, {}
        self.default = Answer()

    def statuses(self, sid):
        """Return the statuses that callbacks told of the message, in the order in which they came."""
        return [call.params["MessageStatus"] for call in self.calls if self._tells_of(call, sid)]

    @staticmethod
    def _tells_of(call, sid):
        return call.params.get("MessageSid") == sid and "MessageStatus" in call.params


def _handler(receiver):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            url = f"http://{self.headers['Host']}{self.path}"
            params = dict(parse_qsl(body, keep_blank_values=True))
            path = urlsplit(self.path).path
            waiting = receiver.answers.get(path)
            answer = waiting.pop(0) if waiting else receiver.default
            receiver.calls.append(Call(url, path, dict(self.headers), params))
            time.sleep(answer.seconds)
            if answer.drop:
                self.close_connection = True
                return
            self.give(answer.status, answer.content_type, answer.body.encode(), answer.location)

        def do_GET(self):
            receiver.fetches.append((self.command, self.path))
            file = receiver.files.get(self.path, File(b"", "text/plain", 404))
            if self.command == "HEAD" and not file.allows_head:
                self.give(405, "text/plain", b"")
            else:
                self.give(file.status, file.content_type, file.content)

        do_HEAD = do_GET

        def give(self, status, content_type, body, location=None):
            self.send_response(status)
            if content_type:
                self.send_header("Content-Type", content_type)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *args):
            """Say nothing."""

    return Handler
