"""Says hello with a book about itself."""
from plugin import hear, say, sleep

say("hello", {"protocol": [1, 1], "name": "test", "version": "x" * 300_000})
hear()
sleep()
