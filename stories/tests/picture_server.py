"""A web server for tests of links: answers as told, and keeps what it was asked."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """What a path answers: `content` in pieces, with `seconds` before each; no `length` means until the end."""

    content: bytes = b""
    content_type: str | None = "image/png"
    status: int = 200
    location: str = ""
    seconds: float = 0
    piece: int = 1 << 20
    length: int | None = None
    before: Callable[[], None] = lambda: None


@dataclass
class PictureServer:
    """The server, a context manager. `asked` are, of each request, our address, the Host and the path."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def __enter__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc_info):
        self.server.shutdown()
        self.server.server_close()

    def link(self, path: str, answer: Answer) -> str:
        """Answer so at this path; return its address."""
        self.answers[path] = answer
        return self.url + path


def handler(server: PictureServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append((self.connection.getsockname()[0], self.headers["Host"], self.path))
            answer = server.answers.get(self.path, Answer(status=404))
            answer.before()
            self.send_response(answer.status)
            for name, value in (
                ("Content-Type", answer.content_type),
                ("Location", answer.location),
                ("Content-Length", answer.length),
            ):
                if value:
                    self.send_header(name, str(value))
            self.end_headers()
            if self.command == "HEAD":
                return
            for start in range(0, len(answer.content), answer.piece):
                time.sleep(answer.seconds)
                self.wfile.write(answer.content[start : start + answer.piece])

        do_HEAD = do_GET  # As the carrier asks first.

        def log_message(self, *args):
            """Say nothing."""

        def handle(self):
            try:
                super().handle()
            except OSError:
                self.close_connection = True  # Whoever asked has gone away, as tests want it.

    return Handler
