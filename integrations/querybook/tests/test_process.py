"""Processes that fork and processes that end."""

import json
import os
import subprocess
import sys
import threading
import unittest
from unittest import mock

from . import harness
from .harness import Hang, Receiver, settings

from const.event_log import EventType
from event_logger_plugin.firn_event_logger import FirnEventLogger


class Fork(unittest.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.__exit__)

    def logger(self, **changed):
        logger = FirnEventLogger(settings(self.receiver.url, **changed))
        self.addCleanup(logger.close)
        return logger

    def in_child(self, work):
        """Run work in a forked process and return its result, which is JSON."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(read)
                os.write(write, json.dumps(work()).encode())
            finally:
                os._exit(0)  # no atexit, no unittest
        os.close(write)
        with os.fdopen(read) as result:
            text = result.read()
        os.waitpid(pid, 0)
        self.assertTrue(text, "the child died")
        return json.loads(text)

    def numbers(self):
        return sorted(payload["n"] for payload in self.receiver.payloads())

    def test_parent_and_child_send_their_own(self):
        logger = self.logger(flush_seconds=harness.DEADLINE)
        for n in range(10):  # these wait in the parent when it forks
            logger.log(1, EventType.VIEW, {"n": n})

        def child():
            before = logger.health()
            for n in range(100, 110):
                logger.log(1, EventType.VIEW, {"n": n})
            return [before, logger.flush(harness.DEADLINE), logger.health()]

        before, flushed, after = self.in_child(child)
        self.assertEqual((0, 0), (before["queued"], before["sent"]))
        self.assertTrue(flushed, after)
        self.assertEqual((10, 0), (after["sent"], after["dropped"]))
        self.assertEqual(list(range(100, 110)), self.numbers())
        self.assertTrue(logger.flush(harness.DEADLINE))
        self.assertEqual(list(range(10)) + list(range(100, 110)), self.numbers())
        self.assertEqual(20, sum(len(events) for _, _, events in self.receiver.requests))

    def test_a_lock_that_is_held_at_the_fork(self):
        logger = self.logger()
        logger.log(1, EventType.VIEW, {"n": 0})
        held, release = threading.Event(), threading.Event()

        def hold():
            with logger._sender()._wake:
                held.set()
                release.wait(harness.DEADLINE)

        holder = threading.Thread(target=hold)
        holder.start()
        self.addCleanup(holder.join)
        self.addCleanup(release.set)
        self.assertTrue(held.wait(harness.DEADLINE))

        def child():
            logger.log(1, EventType.VIEW, {"n": 1})
            return logger.flush(harness.DEADLINE)

        self.assertTrue(self.in_child(child))
        self.assertIn(1, self.numbers())

    def test_a_fork_that_python_does_not_hear_of(self):
        logger = self.logger(flush_seconds=harness.DEADLINE)
        logger.log(1, EventType.VIEW, {"n": 0})
        with mock.patch("os.getpid", return_value=os.getpid() + 1):
            logger.log(1, EventType.VIEW, {"n": 1})
            self.assertTrue(logger.flush(harness.DEADLINE))
            self.assertEqual([1], self.numbers())
            logger.close()

    def test_importing_starts_no_thread(self):
        before = threading.active_count()
        logger = self.logger()
        self.assertEqual(before, threading.active_count())
        self.assertEqual({}, logger._senders)


PROGRAM = """
import logging, os, sys
sys.path[:0] = {path!r}
logging.basicConfig(level=logging.WARNING, stream=sys.stdout)
from event_logger_plugin import ALL_PLUGIN_EVENT_LOGGERS
from const.event_log import EventType
logger = ALL_PLUGIN_EVENT_LOGGERS[0]
logger._settings.exit_seconds = {seconds!r}
for n in range(20):
    logger.log(n, EventType.CLICK, {{"n": n}})
{end}
"""


class Exit(unittest.TestCase):
    def run_program(self, receiver, seconds, end=""):
        """A process that logs 20 events and ends; returns what it printed."""
        program = PROGRAM.format(path=[harness.STANDIN, harness.PLUGINS], seconds=seconds, end=end)
        environment = dict(os.environ, FIRN_SERVER=receiver.url, FIRN_API_KEY="firn_x")
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=harness.DEADLINE, text=True
        )
        self.assertEqual("", done.stderr)
        return done

    def test_the_end_sends_what_waits(self):
        for end in ("", "sys.exit(3)", "raise SystemExit"):
            with Receiver() as receiver:
                done = self.run_program(receiver, harness.DEADLINE, end)
                self.assertEqual(20, len(receiver.stored), done.stdout)
                self.assertEqual("", done.stdout)

    def test_the_end_does_not_wait_for_ever(self):
        def behave(n, events):
            raise Hang

        with Receiver(behave) as receiver:
            done = self.run_program(receiver, 0.2)
        self.assertIn("20 events dropped and 0 rejected", done.stdout)

    def test_the_end_of_a_process_that_logged_nothing(self):
        with Receiver() as receiver:
            self.run_program(receiver, harness.DEADLINE, "logger._senders.clear()")


if __name__ == "__main__":
    unittest.main()
