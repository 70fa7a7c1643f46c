"""Harm that takes children: its manifest permits them. Never more than 400 processes in all, and none longer than a minute."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

LONGEST_S = 60
MOST = 400


def say(kind, **body):
    os.write(1, json.dumps({kind: body}).encode() + b"\n")


def alive():
    def beat():
        turns = 0
        while True:
            turns += 1
            say("progress", turns=turns)
            time.sleep(1)

    say("state", status="connected")
    threading.Thread(target=beat, daemon=True).start()


def bomb():
    """Each child makes more, until the machine or MOST ends it: a pipe holds that many bytes, and each child takes one."""
    source, sink = os.pipe()
    os.write(sink, b"x" * MOST)
    os.set_blocking(source, False)
    signal.alarm(LONGEST_S)
    while True:
        try:
            os.read(source, 1)
            if os.fork() == 0:
                signal.alarm(LONGEST_S)
        except BlockingIOError:
            time.sleep(0.1)
        except OSError:
            time.sleep(0.05)


def zombies():
    """Children that end and are not awaited."""
    for _ in range(MOST):
        try:
            if os.fork() == 0:
                os._exit(0)
        except OSError:
            time.sleep(0.1)
    time.sleep(LONGEST_S)


def escape():
    """A grandchild in a session of its own, with an environment of its own, whose parent is gone."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            # By its first argument the test finds it, wherever it is.
            os.execve("/bin/sleep", [os.environ["HOME"], "61"], {})
        os._exit(0)
    os.wait()
    time.sleep(0.3)
    os._exit(0)


def orphans():
    """Ends, and leaves children that burn."""
    for _ in range(3):
        subprocess.Popen([sys.executable, "-c", "import signal\nsignal.alarm(61)\nwhile True: pass"], start_new_session=True)
    time.sleep(0.3)
    os._exit(1)


def burn():
    """Children that burn, in sessions of their own."""
    for _ in range(4):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        code = "import signal\nsignal.alarm(61)\nwhile True: pass"
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True, **quiet)
    time.sleep(LONGEST_S)


say("hello", protocol=[1, 1], name="hostile_family")
kind, welcome = next(iter(json.loads(sys.stdin.readline()).items()))
alive()
globals()[welcome["config"]["mode"]]()
