import json, os, select, sys, time

out = os.fdopen(os.dup(1), "w")  # the protocol
os.dup2(2, 1)  # a stray print goes to the log instead
unread, names = b"", {}

def say(kind, **body):
    out.write(json.dumps({kind: body}) + "\n")
    out.flush()

def heard(wait):
    """The messages that come within `wait` seconds; ends with the daemon."""
    global unread
    if not select.select([0], [], [], wait)[0]:
        return []
    read = os.read(0, 65536)
    if not read:
        sys.exit()
    *lines, unread = (unread + read).split(b"\n")
    return [next(iter(json.loads(line).items())) for line in lines]

def end_of(write):
    """Sets the number, and says how the write ended."""
    global n
    tag, value = names.get(write["tag"], write["tag"]), write["value"]
    if tag == "count" and type(value) is int:
        n = value
        return {"confirmed": [[write["id"], write["id"]]]}
    return {"rejected": [{"id": write["id"], "failure": {"message": f"cannot write {value!r} to {tag!r}"}}]}

say("hello", protocol=[1, 1], name="counter", version="1.0.0", capabilities={"write": True})
config, batch, accepted, turns, paused = None, 0, 0, 0, False
while True:
    turns += 1
    for kind, body in heard(0.05 if config is None else max(0, min(count_at, beat_at) - time.monotonic())):
        if kind == "welcome":
            config, credit, beat_s = body["config"], body["credit"], body["progress_ms"] / 1000
            n, every_s = config.get("start", 0), config.get("every_s", 1)
            count_at = beat_at = time.monotonic()
            say("state", status="connected")
        elif kind == "subscribe":
            say("subscribed", request=body["request"], items=[{"tag": item["tag"]} for item in body["items"]])
        elif kind == "write":
            names.update(body.get("tags", []))
            for write in body["items"]:
                say("written", **end_of(write))
        elif kind == "accepted":
            accepted = body["batch"]
        elif kind in ("pause", "resume"):
            paused = kind == "pause"
        elif kind in ("stop", "refused"):
            sys.exit()
    if config is None:
        continue
    if time.monotonic() >= beat_at:
        say("progress", turns=turns)
        beat_at += beat_s
    if time.monotonic() >= count_at:
        n, count_at = n + 1, count_at + every_s
        if not paused and batch - accepted < credit:
            batch += 1
            say("samples", batch=batch, items=[{"tag": "count", "value": n}])
