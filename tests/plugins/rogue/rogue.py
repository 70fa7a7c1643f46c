"""Misbehaves in the way that its configuration names."""

import json
import os
import subprocess
import sys
import threading
import time

print(json.dumps({"hello": {"protocol": [1, 1], "name": "rogue"}}), flush=True)
welcome = json.loads(sys.stdin.readline())["welcome"]
mode = welcome["config"]["mode"]
out = sys.stdout.buffer
lock = threading.Lock()


def say(kind, **body):
    with lock:
        out.write(json.dumps({kind: body}).encode() + b"\n")
        out.flush()


def beat():
    turns = 0
    while True:
        turns += 1
        say("progress", turns=turns)
        time.sleep(welcome["progress_ms"] / 3000)


def alive():
    """Looks as if all were well."""
    say("state", status="connected")
    threading.Thread(target=beat, daemon=True).start()


def listen():
    """Answers subscriptions as a good plugin does, beside whatever the rest does."""

    def read():
        for line in sys.stdin:
            message = json.loads(line)
            if "subscribe" in message:
                items = [{"tag": item["tag"]} for item in message["subscribe"]["items"]]
                say("subscribed", request=message["subscribe"]["request"], items=items)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()


def send(every_s, value):
    """Sends one value after the other and waits for nothing."""
    batch = 0
    while True:
        batch += 1
        say("samples", batch=batch, items=[{"tag": "x", "value": value(batch)}])
        time.sleep(every_s)


if mode == "standing":
    say("state", status="connected")
elif mode == "deaf":
    alive()
    send(1, lambda n: n)
elif mode == "spinning":
    alive()
    listen()
    while True:
        pass
elif mode == "silent":
    alive()
    listen()
elif mode == "frozen":
    alive()
    listen()
    send(0.5, lambda _: 20.5)
elif mode == "garbage":
    out.write(os.urandom(4096) + b"\n")
elif mode == "giant":
    piece = b'{"samples":' + b" " * (1 << 20)
    for _ in range(64):
        out.write(piece)
elif mode == "half":
    out.write(b'{"state":{"status":"conn')
    out.flush()
    sys.exit(0)
elif mode == "leak":
    alive()
    kept = []
    while True:
        kept.append(b"x" * (1 << 20))
        time.sleep(0.01)
elif mode == "busy":
    alive()
    while True:
        pass
elif mode == "children":
    alive()
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for _ in range(4):
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True, **quiet)
elif mode == "flood":
    alive()
    room = threading.Semaphore(welcome["credit"] // 500)

    def read():
        accepted = 0
        for line in sys.stdin:
            message = json.loads(line)
            if "accepted" in message:
                for _ in range(message["accepted"]["batch"] - accepted):
                    room.release()
                accepted = message["accepted"]["batch"]
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    batch = 0
    while True:
        room.acquire()
        batch += 1
        items = [{"tag": f"noise/{n % 3}", "value": n} for n in range(500)]
        say("samples", batch=batch, items=items)
out.flush()
time.sleep(3600)
