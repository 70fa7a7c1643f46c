"""Says hello and connects; then its loop stands still."""
from plugin import connected, greet, sleep

greet()
connected()
sleep()
