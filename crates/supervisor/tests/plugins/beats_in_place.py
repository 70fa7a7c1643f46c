"""Sends heartbeats whose turns do not rise."""
import time

from plugin import connected, greet, say

welcome = greet()
connected()
while True:
    say("progress", {"turns": 7})
    time.sleep(welcome["progress_ms"] / 3000)
