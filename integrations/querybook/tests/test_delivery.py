"""Servers that are slow, busy, wrong or gone: log() returns, nothing is stored
twice, and every event is counted as what became of it."""

import os
import signal
import socket
import threading
import time
import unittest
from unittest import mock

from . import harness
from .harness import Cut, Hang, Receiver, settings

from const.event_log import EventType
from event_logger_plugin.firn_event_logger import FirnEventLogger


class Delivery(unittest.TestCase):
    def logger(self, url, **changed):
        logger = FirnEventLogger(settings(url, **changed))
        self.addCleanup(logger.close)
        return logger

    def receiver(self, behave=None):
        receiver = Receiver(behave)
        self.addCleanup(receiver.__exit__)
        return receiver

    def log(self, logger, count, first=0):
        for n in range(first, first + count):
            logger.log(n % 7, EventType.CLICK, {"n": n})

    def numbers(self, receiver):
        return [payload["n"] for payload in receiver.payloads()]

    def assertHealth(self, logger, **want):
        health = logger.health()
        self.assertEqual(want, {name: health[name] for name in want}, health)

    def last_error(self, logger):
        """The fault that the sender meets, once it has."""
        until = time.monotonic() + harness.DEADLINE
        while logger.health()["last_error"] is None:
            self.assertLess(time.monotonic(), until, "no fault was met")
            self.assertFalse(logger.flush(0.05))
        return logger.health()["last_error"]

    def test_batches(self):
        receiver = self.receiver()
        logger = self.logger(receiver.url, batch_events=10)
        self.log(logger, 1000)
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual(list(range(1000)), self.numbers(receiver))
        self.assertTrue(all(len(events) <= 10 for _, _, events in receiver.requests))
        self.assertHealth(logger, queued=0, sent=1000, dropped=0, rejected=0, last_error=None)

    def test_large_events_go_in_smaller_batches(self):
        receiver = self.receiver()
        logger = self.logger(receiver.url, batch_bytes=10_000)
        for n in range(20):
            logger.log(1, EventType.WEBSOCKET, {"n": n, "query": "x" * 4_000})
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertTrue(all(len(events) <= 2 for _, _, events in receiver.requests))
        self.assertEqual(list(range(20)), self.numbers(receiver))

    def test_an_event_waits_for_company_until_a_batch_is_full(self):
        receiver = self.receiver()
        logger = self.logger(receiver.url, flush_seconds=harness.DEADLINE * 10, batch_events=5)
        self.log(logger, 5)
        receiver.wait_for(lambda r: len(r.stored) == 5)
        self.assertEqual(1, len(receiver.requests))

    def test_a_server_that_hangs(self):
        def behave(n, events):
            raise Hang

        receiver = self.receiver(behave)
        logger = self.logger(receiver.url, queue_events=100, batch_events=10, flush_seconds=harness.DEADLINE, exit_seconds=0.1)
        self.log(logger, 10)
        receiver.wait_for(lambda r: len(r.requests) == 1)
        self.log(logger, 1000)  # returns, though nobody has been answered yet
        self.assertHealth(logger, queued=110, sent=0, dropped=900)
        self.assertFalse(logger.flush(0.01))
        with self.assertLogs("event_logger_plugin.firn_sender", "WARNING") as said:
            logger.close()
        self.assertIn("1010 events dropped", said.output[-1])
        self.log(logger, 1)
        self.assertHealth(logger, queued=0, dropped=1011)

    def test_the_queue_is_bounded_in_bytes(self):
        def behave(n, events):
            raise Hang

        receiver = self.receiver(behave)
        logger = self.logger(receiver.url, queue_bytes=10_000, batch_events=1, exit_seconds=0.1)
        self.log(logger, 1)
        receiver.wait_for(lambda r: len(r.requests) == 1)
        for n in range(20):
            logger.log(1, EventType.WEBSOCKET, {"n": n, "query": "x" * 4_000})
        self.assertHealth(logger, queued=1 + 2, dropped=18)

    def test_a_server_that_is_not_there_yet(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
            logger = self.logger("http://127.0.0.1:%d" % taken.getsockname()[1], exit_seconds=0.1)
            self.log(logger, 10)
            self.assertIn("refused", self.last_error(logger))
        receiver = self.receiver()
        logger._settings.server = receiver.url
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual(list(range(10)), self.numbers(receiver))

    def test_answers_that_may_become_others(self):
        statuses = [500, 502, 503, 507, 429, 408, 401, 403, 301]
        receiver = self.receiver(lambda n, events: (statuses[n], {"Location": "http://127.0.0.1:1/"}) if n < len(statuses) else None)
        logger = self.logger(receiver.url, batch_events=100, flush_seconds=harness.DEADLINE)
        self.log(logger, 100)
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual(list(range(100)), self.numbers(receiver))
        bodies = {str(events) for _, _, events in receiver.requests}
        self.assertEqual((1, 10), (len(bodies), len(receiver.requests)))
        self.assertHealth(logger, sent=100, dropped=0, rejected=0)

    def test_the_instance_is_made_once(self):
        receiver = self.receiver(lambda n, events: 404 if n == 0 else None)
        logger = self.logger(receiver.url)
        self.log(logger, 1)
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.log(logger, 1, first=1)
        self.assertTrue(logger.flush(harness.DEADLINE))
        path = "/v1/instances/querybook/events"
        self.assertEqual([path, path + "?auto_create=true", path], [path for path, _, _ in receiver.requests])

    def test_retry_after(self):
        receiver = self.receiver(lambda n, events: (503, {"Retry-After": "3600"}) if n == 0 else (503, {"Retry-After": "soon"}) if n == 1 else None)
        logger = self.logger(receiver.url)  # which waits max_backoff, not an hour
        self.log(logger, 1)
        self.assertTrue(logger.flush(harness.DEADLINE))

    def test_stored_without_an_answer_is_stored_once(self):
        def behave(n, events):
            if n % 2 == 0:
                raise Cut

        receiver = self.receiver(behave)
        logger = self.logger(receiver.url, batch_events=10)
        self.log(logger, 100)
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual(list(range(100)), self.numbers(receiver))
        self.assertEqual(20, len(receiver.requests))
        self.assertHealth(logger, sent=100, dropped=0)

    def test_stored_and_answered_too_late_is_stored_once(self):
        late = threading.Event()

        def behave(n, events):
            if n == 0:
                receiver.store(events)
                late.wait(harness.DEADLINE)

        receiver = self.receiver(behave)
        self.addCleanup(late.set)
        logger = self.logger(receiver.url, read_seconds=0.5)
        self.log(logger, 10)
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertGreater(len(receiver.requests), 1)
        self.assertEqual(list(range(10)), self.numbers(receiver))

    def test_bad_events_do_not_hold_up_good_ones(self):
        bad = {3, 40, 41, 99}

        def behave(n, events):
            if n in (2, 5, 9):
                return 500  # in the middle of the search
            if any(event["payload"]["n"] in bad for event in events):
                return 422

        receiver = self.receiver(behave)
        logger = self.logger(receiver.url, batch_events=100, flush_seconds=harness.DEADLINE)
        self.log(logger, 100)
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual([n for n in range(100) if n not in bad], self.numbers(receiver))
        self.assertHealth(logger, queued=0, sent=96, rejected=4, dropped=0)
        self.assertIn("422", logger.health()["last_error"])

    def test_the_key_is_never_told(self):
        key = "firn_0123456789"
        receiver = self.receiver(lambda n, events: 500)
        logger = self.logger(receiver.url, api_key="\n" + key + "\nx", exit_seconds=0.1)
        self.log(logger, 1)
        self.assertIn("FIRN_API_KEY is no key", self.last_error(logger))
        self.assertNotIn(key, str(logger.health()))
        self.assertFalse(any(key in path for path, _, _ in receiver.requests))

    def test_a_netrc_does_not_go_before_the_key(self):
        with mock.patch("requests.utils.get_netrc_auth", return_value=("someone", "else")):
            receiver = self.receiver()
            logger = self.logger(receiver.url, api_key="firn_mine")
            self.log(logger, 1)
            self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual("Bearer firn_mine", receiver.requests[0][1]["Authorization"])

    def test_the_environment(self):
        receiver = self.receiver()
        with mock.patch.dict(os.environ, {"FIRN_SERVER": receiver.url + "/", "FIRN_API_KEY": "firn_env\n"}):
            logger = self.logger(None)
            self.log(logger, 1)
            self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual("Bearer firn_env", receiver.requests[0][1]["Authorization"])

    def test_wrong_addresses(self):
        for url in ("localhost", "ftp://x", "http://", "http://[", "\x00"):
            logger = self.logger(url, exit_seconds=0.1)
            self.log(logger, 1)
            with self.subTest(url):
                self.last_error(logger)

    def test_what_can_not_be_queued_is_dropped(self):
        class Changing(dict):
            def items(self):
                raise RuntimeError("dictionary changed size during iteration")

        logger = self.logger(self.receiver().url)
        logger.log(1, EventType.CLICK, Changing())
        self.assertHealth(logger, dropped=1, queued=0)

    def test_no_thread_to_be_had(self):
        receiver = self.receiver()
        logger = self.logger(receiver.url)
        with mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread")):
            self.log(logger, 2)
        self.assertHealth(logger, queued=2, dropped=0)
        self.log(logger, 1, first=2)
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual([0, 1, 2], self.numbers(receiver))

    def test_a_fault_of_the_thread_is_survived(self):
        receiver = self.receiver()
        logger = self.logger(receiver.url, batch_events=1)
        with mock.patch("event_logger_plugin.firn_sender.Sender._post", side_effect=ZeroDivisionError):
            self.log(logger, 1)
            self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertHealth(logger, dropped=1)
        self.log(logger, 1, first=1)
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual([1], self.numbers(receiver))

    def test_many_threads(self):
        receiver = self.receiver()
        logger = self.logger(receiver.url)
        threads = [threading.Thread(target=self.log, args=(logger, 200, 200 * i)) for i in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(harness.DEADLINE)
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual(list(range(2000)), sorted(self.numbers(receiver)))

    def test_a_signal_handler_may_log(self):
        receiver = self.receiver()
        logger = self.logger(receiver.url)
        sender = logger._sender()
        before = signal.signal(signal.SIGUSR1, lambda *_: self.log(logger, 1))
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        with sender._wake:  # as if it came in the middle of put()
            signal.raise_signal(signal.SIGUSR1)
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual([0], self.numbers(receiver))

    def test_losses_are_told_once_in_a_while(self):
        receiver = self.receiver(lambda n, events: 400 if n < 20 else None)
        logger = self.logger(receiver.url, batch_events=1)
        with self.assertLogs("event_logger_plugin.firn_sender", "WARNING") as said:
            self.log(logger, 20)
            self.assertTrue(logger.flush(harness.DEADLINE))
            logger.close()
            logger.close()
        self.assertLessEqual(len(said.output), 2)
        self.assertIn("0 events dropped and 20 rejected so far; last error: 400", said.output[-1])

    def test_close_sends_what_waits(self):
        receiver = self.receiver(lambda n, events: 503 if n < 3 else None)
        logger = self.logger(receiver.url, flush_seconds=harness.DEADLINE, first_backoff=10.0, exit_seconds=harness.DEADLINE)
        self.log(logger, 100)
        logger.close()
        self.assertEqual(list(range(100)), self.numbers(receiver))
        self.assertHealth(logger, sent=100, dropped=0)


if __name__ == "__main__":
    unittest.main()
