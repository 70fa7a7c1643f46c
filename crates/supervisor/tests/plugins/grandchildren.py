"""Starts a child in a session of its own, and one that has lost its parent."""
import os
import subprocess

from plugin import sleep, start

subprocess.Popen(["sleep", "1000"], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "1001"])
    os._exit(0)
start()
sleep()
