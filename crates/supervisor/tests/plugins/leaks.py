"""Takes 100 MB of memory more each second, in steps of a hundredth."""
import time

from plugin import start

start()
kept = []
while True:
    kept.append(bytearray(b"x" * (1 << 20)))
    time.sleep(0.01)
