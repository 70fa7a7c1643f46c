"""Sends as many samples as its credit allows, and reads what is accepted."""
import os
import threading

from plugin import connected, greet, hear, samples, say

welcome = greet()
connected()
room = threading.Semaphore(welcome["credit"] // 1000)


def read():
    accepted = 0
    while True:
        message = hear()
        if message is None or "stop" in message:
            os._exit(0)
        if "accepted" in message:
            for _ in range(message["accepted"]["batch"] - accepted):
                room.release()
            accepted = message["accepted"]["batch"]


threading.Thread(target=read, daemon=True).start()
batch = 0
while True:
    room.acquire()
    batch += 1
    if batch % 100 == 0:
        say("progress", {"turns": batch})
    samples(batch, range(1000))
