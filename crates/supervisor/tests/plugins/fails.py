"""Says that it cannot work, and exits."""
import sys

from plugin import greet, say

greet()
say("state", {"status": "failed", "text": "wrong at `host`", "hint": "give it a name"})
sys.exit(1)
