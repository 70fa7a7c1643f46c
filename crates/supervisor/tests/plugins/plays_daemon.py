"""Says what only the daemon may say."""
from plugin import say, sleep, start

start()
say("accepted", {"batch": 1})
sleep()
