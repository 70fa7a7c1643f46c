"""Starts children that burn processor time: two that stay, and one after the other that ends soon."""
import os
import subprocess
import sys

from plugin import start

start()
STAYS = "while True: pass"
ENDS = "import time\nend = time.monotonic() + 0.05\nwhile time.monotonic() < end: pass"
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
for session in (False, True):
    subprocess.Popen([sys.executable, "-c", STAYS], start_new_session=session, **quiet)
while True:
    subprocess.run([sys.executable, "-S", "-E", "-c", ENDS], **quiet)
