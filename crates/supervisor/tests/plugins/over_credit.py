"""Sends one sample more than it may have outstanding."""
from plugin import samples, sleep, start

welcome = start()
samples(1, range(welcome["credit"] + 1))
sleep()
