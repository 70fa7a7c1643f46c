"""Nests an event ten thousand deep."""
import sys

from plugin import sleep, start

start()
sys.stdout.write('{"event":{"kind":"x","data":' + "[" * 10_000 + "]" * 10_000 + "}}\n")
sys.stdout.flush()
sleep()
