"""The plugin protocol in JSON lines, as much of it as the test plugins need."""
import json
import sys
import threading
import time

lock = threading.Lock()


def say(kind, body):
    with lock:
        sys.stdout.write(json.dumps({kind: body}) + "\n")
        sys.stdout.flush()


def hear():
    line = sys.stdin.readline()
    return json.loads(line) if line else None


def greet(name="test", protocol=(1, 1)):
    say("hello", {"protocol": protocol, "name": name, "version": "1.2.3", "capabilities": {"write": True}})
    answer = hear()
    return answer["welcome"] if answer and "welcome" in answer else sys.exit(3)


def connected():
    say("state", {"status": "connected"})


def beat(interval_ms):
    """Heartbeats from a thread: the tests want a plugin that looks alive."""

    def run():
        turns = 0
        while True:
            turns += 1
            say("progress", {"turns": turns})
            time.sleep(interval_ms / 1000)

    threading.Thread(target=run, daemon=True).start()


def samples(batch, values):
    say("samples", {"batch": batch, "items": [{"tag": "a", "value": value} for value in values]})


def start(**hello):
    welcome = greet(**hello)
    beat(welcome["progress_ms"] / 3)
    connected()
    return welcome


def sleep():
    while True:
        time.sleep(1000)
