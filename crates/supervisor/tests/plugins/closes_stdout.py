"""Closes stdout and runs on."""
import os

from plugin import start, sleep

start()
os.close(1)
sleep()
