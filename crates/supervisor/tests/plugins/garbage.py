"""Prints to stdout as if it were a terminal."""
from plugin import sleep

print("Hello, I am a program that does not know the protocol.", flush=True)
sleep()
