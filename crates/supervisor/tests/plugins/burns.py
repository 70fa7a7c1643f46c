"""A busy loop beside its heartbeat."""
from plugin import start

start()
while True:
    pass
