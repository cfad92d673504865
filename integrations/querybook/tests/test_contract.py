"""The plugin as Querybook loads and calls it."""

import inspect
import unittest

from . import harness

from const.event_log import EventType
from lib.event_logger.base_event_logger import BaseEventLogger
from event_logger_plugin import ALL_PLUGIN_EVENT_LOGGERS
from event_logger_plugin.firn_event_logger import FirnEventLogger


class Contract(unittest.TestCase):
    def setUp(self):
        self.receiver = harness.Receiver()
        self.addCleanup(self.receiver.__exit__)
        self.logger = FirnEventLogger(harness.settings(self.receiver.url, api_key="firn_secret"))
        self.addCleanup(self.logger.close)

    def sent(self):
        self.assertTrue(self.logger.flush(harness.DEADLINE), self.logger.health())
        return list(self.receiver.stored.values())

    def test_it_is_found_by_name(self):
        found = [each for each in ALL_PLUGIN_EVENT_LOGGERS if each.logger_name == "firn"]
        self.assertEqual(1, len(found))
        self.assertIsInstance(found[0], BaseEventLogger)
        self.assertIsInstance(inspect.getattr_static(FirnEventLogger, "logger_name"), property)

    def test_log_has_the_documented_signature(self):
        parameters = inspect.signature(FirnEventLogger.log).parameters
        self.assertEqual(["self", "uid", "event_type", "event_data", "timestamp"], list(parameters))
        self.assertIsNone(parameters["timestamp"].default)

    def test_an_event(self):
        self.logger.log(12, EventType.CLICK, {"path": "/env/datadoc/1/", "component": "DATADOC_PAGE"}, 1672531200123)
        (event,) = self.sent()
        self.assertEqual(36, len(event.pop("id")))
        self.assertEqual(
            {
                "stream_id": "12",
                "actor": "12",
                "event_type": "CLICK",
                "timestamp": 1672531200123,
                "payload": {"path": "/env/datadoc/1/", "component": "DATADOC_PAGE"},
            },
            event,
        )
        path, headers, _ = self.receiver.requests[0]
        self.assertEqual("/v1/instances/querybook/events", path)
        self.assertEqual("Bearer firn_secret", headers["Authorization"])
        self.assertEqual("application/json", headers["Content-Type"])

    def test_nobody_and_no_time(self):
        for uid in (None, 0):
            self.logger.log(uid, EventType.VIEW, {})
        for event in self.sent():
            self.assertEqual(("0", "0"), (event["stream_id"], event["actor"]))
            self.assertGreater(event["timestamp"], 1_600_000_000_000)

    def test_data_that_is_no_object(self):
        for data in ([1, 2], "text", 3, None):
            self.logger.log(1, EventType.VIEW, data)
        self.assertEqual([{"value": [1, 2]}, {"value": "text"}, {"value": 3}, {"value": None}], [e["payload"] for e in self.sent()])

    def test_what_the_base_class_logs(self):
        self.logger.log_api_request(1, "/datadoc/<int:id>/", "GET", {"id": 1, "title": "x" * 200})
        self.logger.log_websocket_event(1, "/query_execution/connect", ("a", 1), {"b": 2})
        api, websocket = self.sent()
        self.assertEqual(("API", "WEBSOCKET"), (api["event_type"], websocket["event_type"]))
        self.assertEqual({"id": 1, "title": "x" * 128 + "..."}, api["payload"]["params"])
        self.assertEqual({"route": "/query_execution/connect", "args": ["a", 1], "kwargs": {"b": 2}}, websocket["payload"])

    def test_polling_and_secrets_are_left_out(self):
        for route, method in (
            ("/admin/user/", "GET"),
            ("/user/me/", "GET"),
            ("/login/", "POST"),
            ("/signup/", "POST"),
            ("/user/setting/<key>/", "POST"),
            ("/table/<schema_name>/<table_name>/sync/", "PUT"),
            ("/announcement/", "GET"),
            ("/query/validate/", "POST"),
            ("/query_engine/<int:engine_id>/status/", "GET"),
            ("/impression/<item_type>/<item_id>/count/", "GET"),
            ("/utils/change_logs/", "GET"),
            ("/query_engine/", "GET"),
            ("/query_metastore/", "GET"),
            ("/dag_exporter/", "GET"),
        ):
            self.logger.log_api_request(1, route, method, {"password": "x"})
        self.logger.log_api_request(1, "/user/1/", "PUT", {})
        self.assertEqual(["/user/1/"], [e["payload"]["route"] for e in self.sent()])


if __name__ == "__main__":
    unittest.main()
