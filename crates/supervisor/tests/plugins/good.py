"""Does everything right: counts, confirms writes, answers questions, and ends when it is told to."""
import os
import sys
import threading
import time

from plugin import hear, samples, say, start

welcome = start()
counting = threading.Event()
counting.set()


def count():
    batch = 0
    while counting.is_set():
        batch += 1
        samples(batch, [batch])
        time.sleep(0.01)


threading.Thread(target=count, daemon=True).start()
print("INFO Started.", file=sys.stderr, flush=True)
while True:
    message = hear()
    kind, body = next(iter(message.items())) if message else ("stop", {})
    if kind == "stop":
        counting.clear()
        print("WARN Ends as it was told to.", file=sys.stderr, flush=True)
        sys.exit(0)
    if kind == "write":
        say("written", {"confirmed": [[item["id"], item["id"]] for item in body["items"]]})
    if kind == "call":
        result = {
            "environ": dict(os.environ),
            "descriptors": sorted(int(fd) for fd in os.listdir("/proc/self/fd")),
            "config": welcome["config"],
            "args": sys.argv[1:],
            "folder": os.getcwd(),
            "state_dir": os.path.isdir(welcome["state_dir"]),
        }
        say("returned", {"request": body["request"], "result": result})
