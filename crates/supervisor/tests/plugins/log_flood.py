"""Writes 20,000 lines to stderr at once, one of them endless."""
import sys

from plugin import sleep, start

start()
sys.stderr.write("ERROR " + "x" * 100_000 + "\n")
sys.stderr.write("DEBUG a line\n" * 20_000)
sys.stderr.flush()
sleep()
