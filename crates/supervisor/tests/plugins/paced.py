"""Fills its credit, waits until it is given back, and fills it again."""
from plugin import hear, samples, sleep, start

welcome = start()
for batch in range(1, 501):
    samples(batch, range(welcome["credit"]))
    while hear() != {"accepted": {"batch": batch}}:
        pass
sleep()
