"""What the tests share: Querybook's stand-in on the path, and a server that can
be told how to misbehave."""

import http.server
import json
import logging
import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
PLUGINS = os.path.dirname(HERE)
STANDIN = os.path.join(HERE, "standin")
for directory in (STANDIN, PLUGINS):
    if directory not in sys.path:
        sys.path.insert(0, directory)

# What the plugin tells the application's log is asserted, not printed.
logging.getLogger("event_logger_plugin").addHandler(logging.NullHandler())

DEADLINE = 180  # seconds after which a wait has failed; never waited for in a good run, however slow the machine


class Receiver:
    """Stands in for Firn: keeps the events that it answers 201, once by id."""

    def __init__(self, behave=None):
        """behave(n, events) is called for the n-th request, from 0. It may
        return a status, or (status, headers); None stores and answers 201. It
        may raise Hang, or Cut after storing."""
        self.behave = behave or (lambda n, events: None)
        self.requests = []  # (path, headers, events) in the order they came
        self.stored = {}  # by id, in order
        self.changed = threading.Condition()
        self.released = threading.Event()  # set at the end: nothing hangs any more
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.handle(self)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass  # a client that has gone away is part of the tests

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(DEADLINE)

    def handle(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        events = json.loads(body)
        with self.changed:
            n = len(self.requests)
            self.requests.append((handler.path, dict(handler.headers), events))
            self.changed.notify_all()
        try:
            answer = self.behave(n, events)
        except Hang:
            self.released.wait(DEADLINE)
            answer = 503
        except Cut:
            self.store(events)
            handler.close_connection = True
            return
        status, headers = answer if isinstance(answer, tuple) else (answer or 201, {})
        if status == 201:
            self.store(events)
        text = b'{"events":[]}' if status == 201 else b'{"title":"told to"}'
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def store(self, events):
        with self.changed:
            for event in events:
                self.stored.setdefault(event["id"], event)
            self.changed.notify_all()

    def wait_for(self, condition):
        """Wait until condition(self) holds."""
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self), DEADLINE):
                raise AssertionError("it did not happen; %d requests, %d events" % (len(self.requests), len(self.stored)))

    def payloads(self):
        return [event["payload"] for event in self.stored.values()]


class Hang(Exception):
    """Do not answer."""


class Cut(Exception):
    """Store, then close the connection without an answer."""


def settings(url, **changed):
    """Settings that do not make a test wait."""
    from event_logger_plugin.firn_sender import Settings

    given = dict(server=url, flush_seconds=0.01, first_backoff=0.001, max_backoff=0.01, connect_seconds=DEADLINE, read_seconds=DEADLINE)
    given.update(changed)
    return Settings(**given)
