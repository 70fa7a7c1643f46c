"""Exits in the middle of a frame."""
import sys

from plugin import start

start()
sys.stdout.write('{"samples":{"ba')
sys.stdout.flush()
sys.exit(4)
