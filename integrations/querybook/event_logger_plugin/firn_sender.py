"""The queue of one process and the thread that empties it.

put() never waits: it appends to a queue that is bounded in events and in bytes.
The thread is started by the first event, sends batches, and tries again, with
growing pauses, as long as the server can not be reached or has a problem of its
own. Each event carries an id, so that one that got through without an answer is
not stored twice. What the server refuses for good is found in its batch, counted
as rejected, and does not hold up the others.
"""

import logging
import os
import random
import threading
import time
from collections import deque

import requests

LOG = logging.getLogger(__name__)

DEFAULT_SERVER = "http://127.0.0.1:7070"
PATH = "/v1/instances/querybook/events"

# Answers that may be others later: the key, the instance, or the server itself
# can be put right while events wait.
LATER = frozenset([401, 403, 404, 408, 429])

MAX_ANSWER = 1 << 20  # bytes of an answer that are read


class Settings:
    """How a sender works. Times are in seconds."""

    def __init__(
        self,
        server=None,
        api_key=None,
        queue_events=10_000,
        queue_bytes=32 << 20,
        batch_events=500,
        batch_bytes=1 << 20,
        flush_seconds=1.0,
        connect_seconds=2.0,
        read_seconds=5.0,
        first_backoff=0.25,
        max_backoff=30.0,
        exit_seconds=5.0,
        report_seconds=60.0,
    ):
        self.server = server  # None = FIRN_SERVER
        self.api_key = api_key  # None = FIRN_API_KEY
        self.queue_events = queue_events  # that wait at most
        self.queue_bytes = queue_bytes
        self.batch_events = batch_events  # of one request at most
        self.batch_bytes = batch_bytes
        self.flush_seconds = flush_seconds  # that an event waits for company
        self.connect_seconds = connect_seconds
        self.read_seconds = read_seconds
        self.first_backoff = first_backoff
        self.max_backoff = max_backoff
        self.exit_seconds = exit_seconds  # that the end of the process waits
        self.report_seconds = report_seconds  # between warnings of losses

    def url(self) -> str:
        server = self.server or os.environ.get("FIRN_SERVER") or DEFAULT_SERVER
        return server.strip().rstrip("/") + PATH

    def key(self) -> str:
        return (self.api_key or os.environ.get("FIRN_API_KEY") or "").strip()


class Sender:
    """The queue and the thread of one process."""

    def __init__(self, settings: Settings):
        self._settings = settings
        # Reentrant: a signal handler or a finalizer may log an event while
        # its thread is in here. Nothing is waited for while it is held.
        self._wake = threading.Condition(threading.RLock())
        self._queue = deque()
        self._bytes = 0  # in the queue
        self._thread = None
        self._closing_until = None  # time.monotonic() by which all must be sent
        self._flushing = 0  # threads that wait in flush()
        self._in_flight = 0  # events that are taken and not settled
        self._sent = 0
        self._dropped = 0
        self._rejected = 0
        self._last_error = None
        self._reported = 0  # losses that were told
        self._report_at = 0.0

    # --- for the threads of the application ---

    def put(self, line: bytes):
        """Queue an event, or count it as dropped."""
        settings = self._settings
        with self._wake:
            if self._closing():
                self.drop(1, "the process is ending")
                return
            if len(self._queue) >= settings.queue_events or self._bytes + len(line) > settings.queue_bytes:
                self.drop(1, self._last_error or "the queue is full")
                return
            self._queue.append(line)
            self._bytes += len(line)
            start = self._thread is None
            if start:
                self._thread = threading.Thread(target=self._run, name="firn-event-logger", daemon=True)
                thread = self._thread
            elif len(self._queue) == 1 or self._full():
                self._wake.notify_all()
        if start:
            try:
                thread.start()
            except RuntimeError as e:  # no thread to be had; the next event tries again
                with self._wake:
                    self._thread = None
                    self._last_error = "the sending thread does not start: %s" % e

    def drop(self, count: int, reason: str):
        """Count events as lost."""
        with self._wake:
            self._dropped += count
            self._last_error = reason

    def health(self) -> dict:
        with self._wake:
            return {
                "queued": len(self._queue) + self._in_flight,
                "sent": self._sent,
                "dropped": self._dropped,
                "rejected": self._rejected,
                "last_error": self._last_error,
            }

    def flush(self, seconds: float) -> bool:
        with self._wake:
            self._flushing += 1
            self._wake.notify_all()
            try:
                return self._wake.wait_for(lambda: not self._queue and not self._in_flight, seconds)
            finally:
                self._flushing -= 1

    def close(self):
        seconds = self._settings.exit_seconds
        with self._wake:
            if not self._closing():
                self._closing_until = time.monotonic() + seconds
            self._wake.notify_all()
            thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(seconds)
        with self._wake:
            left = len(self._queue) + self._in_flight
            self._queue.clear()
            self._bytes = self._in_flight = 0
            if left:
                self.drop(left, self._last_error or "the process ended")
        self._report(True)

    # --- the sending thread ---

    def _run(self):
        try:
            with requests.Session() as session:
                session.auth = self._authorize
                while True:
                    batch = self._take()
                    if not batch or not self._deliver(session, batch):
                        return
        except Exception as e:  # a fault of ours; the next event starts anew
            with self._wake:
                self.drop(self._in_flight, "the sending thread failed: %r" % (e,))
                self._in_flight = 0
                if self._thread is threading.current_thread():
                    self._thread = None  # at once, or an event would wait for a thread that ends
        finally:
            with self._wake:
                if self._thread is threading.current_thread():
                    self._thread = None
                self._wake.notify_all()
            self._report(False)

    def _full(self) -> bool:
        return len(self._queue) >= self._settings.batch_events or self._bytes >= self._settings.batch_bytes

    def _closing(self) -> bool:
        return self._closing_until is not None

    def _take(self) -> list:
        """The next batch, after a while of waiting for others to join it;
        nothing if the queue is empty and the process ends."""
        settings = self._settings
        with self._wake:
            self._wake.wait_for(lambda: self._queue or self._closing())
            self._wake.wait_for(lambda: self._full() or self._flushing or self._closing(), settings.flush_seconds)
            batch, size = [], 0
            while self._queue and len(batch) < settings.batch_events:
                size += len(self._queue[0]) + 1
                if batch and size > settings.batch_bytes:
                    break
                batch.append(self._queue.popleft())
                self._bytes -= len(batch[-1])
            self._in_flight = len(batch)
            return batch

    def _deliver(self, session, batch: list) -> bool:
        """Send a batch, as often as it takes. False if the process ended
        before."""
        backoff, create = self._settings.first_backoff, False
        parts = [batch]
        while parts:
            part = parts.pop()
            status, retry_after = self._post(session, part, create)
            if status in (200, 201):
                self._settle(part, sent=True)
            elif status is None or status >= 500 or 300 <= status < 400 or status in LATER:
                create = status == 404  # the instance is not there yet
                self._report(False)
                if not self._pause(max(backoff * random.uniform(0.5, 1.0), retry_after)):
                    return False
                backoff = min(self._settings.max_backoff, backoff * 2)
                parts.append(part)
                continue
            elif len(part) > 1:  # one bad event refuses all of them: find it
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                self._settle(part, sent=False)
            backoff = self._settings.first_backoff
        self._report(False)
        return True

    def _settle(self, part: list, sent: bool):
        with self._wake:
            if self._in_flight == 0:
                return  # close() has given up on them, and counted them
            self._in_flight -= len(part)
            if sent:
                self._sent += len(part)
            else:
                self._rejected += len(part)
            self._wake.notify_all()

    def _pause(self, seconds: float) -> bool:
        """Wait before another try; False if there is no time for one."""
        with self._wake:
            if not self._wake.wait_for(self._closing, seconds):
                return True
            until = self._closing_until
        # At the end of the process, in short steps up to the last moment.
        left = until - time.monotonic()
        if left > 0:
            time.sleep(min(left, seconds, 0.2))
        return time.monotonic() < until

    def _post(self, session, part: list, create: bool):
        """One try: the status (None if there was no answer), and how long the
        server asks to wait, in seconds."""
        settings = self._settings
        try:
            response = session.post(
                settings.url() + ("?auto_create=true" if create else ""),
                data=b"[" + b",".join(part) + b"]",
                headers={"Content-Type": "application/json"},
                timeout=(settings.connect_seconds, settings.read_seconds),
                allow_redirects=False,
                stream=True,
            )
            with response:
                text = self._read(response)
        except Exception as e:  # refused, timed out, cut off, a wrong address
            self._failed(str(e))
            return None, 0.0
        if response.status_code not in (200, 201):
            self._failed("%d: %s" % (response.status_code, text[:500].decode("utf-8", "replace")))
        return response.status_code, self._retry_after(response)

    def _read(self, response) -> bytes:
        """The answer, so far as it comes in time: a timeout of requests is one
        for each piece."""
        until, text = time.monotonic() + self._settings.read_seconds, b""
        try:
            for piece in response.iter_content(1 << 16):
                text += piece
                if len(text) > MAX_ANSWER or time.monotonic() > until:
                    break
        except Exception:  # the status has been told, which is what counts
            pass
        return text

    def _retry_after(self, response) -> float:
        try:
            return min(float(int(response.headers["Retry-After"])), self._settings.max_backoff)
        except (KeyError, ValueError):
            return 0.0

    def _authorize(self, request):
        """Given as auth, so that no .netrc of the machine goes before it."""
        key = self._settings.key()
        if key:
            if not (key.isascii() and key.isprintable()) or " " in key:
                # Before requests sees it, whose error would quote it.
                raise ValueError("FIRN_API_KEY is no key: it holds white space or other characters that no key has")
            request.headers["Authorization"] = "Bearer " + key
        return request

    def _failed(self, message: str):
        with self._wake:
            self._last_error = message

    def _report(self, last: bool):
        """Say in the application's log that events are lost; last = however
        short ago it was said."""
        with self._wake:
            lost, now = self._dropped + self._rejected, time.monotonic()
            if lost == self._reported or not last and now < self._report_at:
                return
            self._reported, self._report_at = lost, now + self._settings.report_seconds
            dropped, rejected, error = self._dropped, self._rejected, self._last_error
        # Not while the lock is held: a log may be slow.
        LOG.warning("firn: %d events dropped and %d rejected so far; last error: %s", dropped, rejected, error)
