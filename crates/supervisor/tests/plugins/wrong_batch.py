"""Leaves out a batch."""
from plugin import samples, sleep, start

start()
samples(1, [1])
samples(3, [3])
sleep()
