"""Begins in the middle."""
from plugin import connected, sleep

connected()
sleep()
