"""Says hello twice."""
from plugin import say, sleep, start

start()
say("hello", {"protocol": [1, 1], "name": "test"})
sleep()
