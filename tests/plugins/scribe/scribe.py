"""Says what it is told to say, in every place where a plugin can put a text."""

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

def nodes(strings, path):
    """Each string as a leaf and as a folder with one leaf in it."""
    if path:
        return [{"name": path, "path": path + "/leaf", "tag": path, "type": path[:60], "unit": path[:30], "comment": path}]
    return [{"name": text, "path": text, "tag": text, "children": True, "unit": text[:30], "comment": text, "location": text} for text in strings]

def write_everywhere(strings):
    items = [{"tag": text, "value": text} if n % 2 else {"tag": text, "value": text, "quality": "bad:device_failure", "note": text}
             for n, text in enumerate(strings)]
    say("samples", batch=1, items=items)
    for text in strings:
        print(text, file=sys.stderr)
        say("log", level="warn", message=text)
    sys.stderr.flush()

say("hello", protocol=[1, 1], name="scribe", version="1.0.0\"><x-made>",
    capabilities={"browse": True, "write": True, "actions": [{"name": "scan", "description": "<svg onload=__ran('action')>"}]})
config, turns, shown, beat_at = None, 0, 0, 0
while True:
    turns += 1
    for kind, body in heard(0.2):
        if kind == "welcome":
            config, strings = body["config"], body["config"]["strings"]
            write_everywhere(strings)
        elif kind == "accepted" and config.get("raises"):
            raise RuntimeError(strings[0])
        elif kind == "subscribe":
            say("subscribed", request=body["request"], items=[{"tag": item["tag"]} for item in body["items"]])
        elif kind == "browse":
            say("nodes", request=body["request"], nodes=nodes(strings, body["path"])[: body["limit"]])
        elif kind == "call":
            found = [{"id": text, "name": text, "config": {"strings": [text]}} for text in strings]
            say("returned", request=body["request"], result={"found": found, "devices": found})
        elif kind == "write":
            names.update(body.get("tags", []))
            failure = {"message": strings[0], "hint": strings[-1]}
            say("written", rejected=[{"id": write["id"], "failure": failure} for write in body["items"]])
        elif kind in ("stop", "refused"):
            sys.exit()
    if config is None:
        continue
    if time.monotonic() >= beat_at:
        beat_at = time.monotonic() + 2
        say("progress", turns=turns)
        # Every state has a text; a new one each time.
        shown += 1
        say("state", status="degraded", answers=True, text=strings[shown % len(strings)], hint=strings[(shown + 1) % len(strings)])
