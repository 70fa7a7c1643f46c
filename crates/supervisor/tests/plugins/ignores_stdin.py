"""Looks alive and never reads what it is told, not even `stop`."""
from plugin import sleep, start

start()
sleep()
