"""Misbehaves in the way that its configuration names."""

import json
import os
import sys
import time

print(json.dumps({"hello": {"protocol": [1, 1], "name": "rogue"}}), flush=True)
welcome = json.loads(sys.stdin.readline())["welcome"]
mode = welcome["config"]["mode"]
out = sys.stdout.buffer

if mode == "garbage":
    out.write(os.urandom(4096) + b"\n")
elif mode == "giant":
    piece = b'{"samples":' + b" " * (1 << 20)
    for _ in range(64):
        out.write(piece)
elif mode == "half":
    out.write(b'{"state":{"status":"conn')
    out.flush()
    sys.exit(0)
out.flush()
time.sleep(3600)
