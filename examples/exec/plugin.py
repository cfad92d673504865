#!/usr/bin/env python3
"""A target of your own in Python: a line an event into the file that it is given.

Firn starts it (docs/target-exec.md) and ends it by ending its input."""
import json
import os
import sys

with open(sys.argv[1], "a", encoding="utf-8") as out:
    for line in sys.stdin:
        given = json.loads(line)
        event = given["event"]
        if len(event["event_type"]) > 100:
            answer = {"refuse": given["n"], "message": "event_type is longer than 100 characters"}
        else:
            row = [event["timestamp"], event["event_type"], event["actor"], event["payload"]]
            print(json.dumps(row), file=out, flush=True)
            os.fsync(out.fileno())  # an acknowledged event is not sent again
            answer = {"ack": given["n"]}
        print(json.dumps(answer), flush=True)
