"""Sends a batch of 4,097 samples."""
from plugin import samples, sleep, start

start()
samples(1, range(4097))
sleep()
