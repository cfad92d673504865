"""What becomes of values that JSON, or Firn, does not know."""

import collections
import datetime
import decimal
import enum
import json
import unittest

from . import harness  # noqa: F401 - for the path

from event_logger_plugin.firn_event import LEFT_OUT, MAX_NODES, event_line, plain


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class Evil:
    def __str__(self):
        raise RuntimeError("no text")


class Plain(unittest.TestCase):
    def test_values(self):
        pair = collections.namedtuple("pair", "a b")
        for value, want in (
            ({"a": (1, 2), "b": {3}, "c": frozenset([4]), "d": pair(5, 6)}, {"a": [1, 2], "b": [3], "c": [4], "d": [5, 6]}),
            ({1: "one", None: "none", (1, 2): "pair"}, {"1": "one", "None": "none", "(1, 2)": "pair"}),
            (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02 03:04:05"),
            (decimal.Decimal("1.10"), "1.10"),
            (b"caf\xc3\xa9 \xff", "café \ufffd"),
            ([float("nan"), float("inf"), -0.0, 1e300], ["nan", "inf", -0.0, 1e300]),
            ("a\ud800b\udc00 é 😀", "a?b? é 😀"),
            ({"\ud800": 1}, {"?": 1}),
            ([Colour.RED, Number.ONE, True, None], ["red", 1, True, None]),
            (Evil(), "<Evil>"),
            ({Evil(): Evil()}, {"<Evil>": "<Evil>"}),
            (2**64, 2**64),
        ):
            with self.subTest(value=repr(type(value))):
                self.assertEqual(want, plain(value))

    def test_a_huge_number_is_text(self):
        got = plain(10**5000)
        self.assertIsInstance(got, str)
        self.assertLess(len(got), 200)

    def test_deep_values_end(self):
        deep = []
        for _ in range(100_000):
            deep = [deep]
        text = json.dumps(plain({"value": deep}))
        self.assertIn("left out", text)
        self.assertLess(text.count("["), 128)

    def test_circles_end(self):
        circle = []
        circle += [circle, circle, {"again": circle}]
        text = json.dumps(plain(circle))
        self.assertLess(len(text), 100 * MAX_NODES)

    def test_wide_values_end(self):
        got = plain({"value": list(range(10 * MAX_NODES))})
        self.assertEqual(LEFT_OUT, got["value"][-1])
        self.assertLessEqual(len(got["value"]), MAX_NODES)

    def test_lines(self):
        for uid, want in ((None, "0"), (0, "0"), (12, "12"), ("12", "12"), (12.0, "12"), ("ada", "ada"), ("", "0"), ("é" * 500, "é" * 100)):
            self.assertEqual(want, json.loads(event_line(uid, "VIEW", {}, 1))["stream_id"])
        for timestamp in (None, "soon", float("nan"), float("inf"), object()):
            self.assertGreater(json.loads(event_line(1, "VIEW", {}, timestamp))["timestamp"], 1_600_000_000_000)
        ids = {json.loads(event_line(1, "VIEW", {}, 1))["id"] for _ in range(100)}
        self.assertEqual(100, len(ids))
        self.assertIn("é".encode(), event_line(1, "VIEW", {"a": "é"}, 1))


if __name__ == "__main__":
    unittest.main()
