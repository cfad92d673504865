"""The plugin and a real Firn, built from this repository."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import unittest
import urllib.request

from . import harness
from .harness import settings

from const.event_log import EventType
from event_logger_plugin.firn_event_logger import FirnEventLogger

ROOT = os.path.dirname(os.path.dirname(harness.PLUGINS))


def setUpModule():
    """Build firn once. FIRN_BINARY names one that is there already."""
    global BINARY
    BINARY = os.environ.get("FIRN_BINARY")
    if not BINARY:
        built = tempfile.mkdtemp(prefix="firn-")
        unittest.addModuleCleanup(shutil.rmtree, built)
        BINARY = os.path.join(built, "firn")
        environment = dict(os.environ, GOTOOLCHAIN="auto", CGO_ENABLED="0")
        subprocess.run(["go", "build", "-o", BINARY, "./cmd/firn"], cwd=ROOT, env=environment, check=True)


class Firn:
    """A running server. It starts on a free port and says which."""

    def __init__(self, data, listen="127.0.0.1:0"):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", data, "--listen", listen], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        self.said = []
        for line in self.process.stderr:
            self.said.append(line)
            found = re.search(r"serves .* on (http://127\.0\.0\.1:\d+)", line)
            if found:
                self.url = found.group(1)
                break
        else:
            raise AssertionError("firn does not start: " + "".join(self.said))
        self.reader = threading.Thread(target=self.process.stderr.read, daemon=True)  # so that it never waits for us
        self.reader.start()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(harness.DEADLINE)
            self.reader.join(harness.DEADLINE)
        self.process.stderr.close()

    def kill(self):
        self.process.kill()
        self.process.wait(harness.DEADLINE)
        self.reader.join(harness.DEADLINE)

    def events(self):
        with urllib.request.urlopen(self.url + "/v1/instances/querybook/events?limit=10000", timeout=harness.DEADLINE) as answer:
            return json.load(answer)["events"]


class RealFirn(unittest.TestCase):
    def setUp(self):
        self.data = tempfile.mkdtemp(prefix="firn-data-")
        self.addCleanup(shutil.rmtree, self.data)
        self.firn = self.start()

    def start(self, *args):
        firn = Firn(self.data, *args)
        self.addCleanup(firn.stop)
        return firn

    def logger(self, **changed):
        logger = FirnEventLogger(settings(self.firn.url, **changed))
        self.addCleanup(logger.close)
        return logger

    def test_events_arrive(self):
        logger = self.logger()
        logger.log(12, EventType.CLICK, {"path": "/env/datadoc/1/", "aux": {}}, 1672531200123)
        logger.log(None, EventType.API, {"method": "GET", "route": "/a/", "params": {"day": "é", "set": {1}}})
        logger.log(0, EventType.WEBSOCKET, ["no object", 2**64, float("nan")])
        self.assertTrue(logger.flush(harness.DEADLINE), logger.health())
        self.assertEqual({"queued": 0, "sent": 3, "dropped": 0, "rejected": 0}, {k: v for k, v in logger.health().items() if k != "last_error"})
        first, second, third = self.firn.events()
        self.assertEqual(("12", "12", 1, "CLICK"), tuple(first[k] for k in ("stream_id", "actor", "sequence_number", "event_type")))
        self.assertEqual("2023-01-01T00:00:00.123Z", first["timestamp"])
        self.assertEqual({"path": "/env/datadoc/1/", "aux": {}}, first["payload"])
        self.assertEqual({"day": "é", "set": [1]}, second["payload"]["params"])
        self.assertEqual(("0", {"value": ["no object", 2**64, "nan"]}), (third["stream_id"], third["payload"]))

    def test_what_firn_refuses_does_not_hold_up_the_rest(self):
        logger = self.logger(flush_seconds=harness.DEADLINE)
        for n in range(50):
            logger.log(1, "x" * 300 if n == 17 else EventType.VIEW, {"n": n})
        logger.log(1, EventType.WEBSOCKET, {"n": 50, "query": "x" * (5 << 20)})
        self.assertTrue(logger.flush(harness.DEADLINE), logger.health())
        self.assertEqual([n for n in range(50) if n != 17], [event["payload"]["n"] for event in self.firn.events()])
        self.assertEqual((49, 2), (logger.health()["sent"], logger.health()["rejected"]))

    def test_firn_is_killed_and_comes_back(self):
        logger = self.logger(batch_events=20)
        address = self.firn.url[len("http://"):]
        half = threading.Event()

        def log():
            for n in range(2000):
                if n == 1000:
                    half.set()
                logger.log(n % 5, EventType.CLICK, {"n": n})

        thread = threading.Thread(target=log)
        thread.start()
        self.assertTrue(half.wait(harness.DEADLINE))
        self.firn.kill()
        thread.join(harness.DEADLINE)
        self.firn = self.start(address)
        self.assertTrue(logger.flush(harness.DEADLINE), logger.health())
        self.assertEqual(2000, logger.health()["sent"])
        self.assertEqual(list(range(2000)), sorted(event["payload"]["n"] for event in self.firn.events()))


if __name__ == "__main__":
    unittest.main()
