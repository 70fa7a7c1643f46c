"""Sends a JSON line that never ends."""
import sys

from plugin import start

start()
while True:
    sys.stdout.write('{"log":' + " " * 1_000_000)
