"""Starts a child in a session of its own, and one that has lost its parent. Runs once both are what they will be."""
import os
import subprocess

from plugin import sleep, start

subprocess.Popen(["sleep", "1000"], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
waiting, replaced = os.pipe()  # Closed by exec.
middle = os.fork()
if middle == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "1001"])
    os._exit(0)
os.close(replaced)
os.waitpid(middle, 0)
os.read(waiting, 1)
start()
sleep()
