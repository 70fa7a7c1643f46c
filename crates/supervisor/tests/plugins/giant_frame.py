"""Announces a frame of 16 MB."""
import sys

from plugin import sleep

sys.stdout.buffer.write(b"\x00\xff\xff\xff" + b"x" * 1000)
sys.stdout.flush()
sleep()
