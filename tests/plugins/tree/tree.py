"""A device with a tree: it answers a search, or is asked in vain, as its configuration says."""
import json, os, select, sys

out = os.fdopen(os.dup(1), "w")  # the protocol
os.dup2(2, 1)
NODES = {"Keller/pumpe": "Umwälzpumpe im Keller", "Keller/ventil": "Mischer", "Dach/fühler": "<b>Außen</b>"}

def say(kind, **body):
    out.write(json.dumps({kind: body}) + "\n")
    out.flush()

def node(path):
    return {"name": path.split("/")[-1], "path": path, "tag": path, "type": "REAL", "comment": NODES[path]}

def folder(path):
    return {"name": path.split("/")[-1], "path": path, "children": True}

def folders():
    return list(dict.fromkeys(path.split("/")[0] for path in NODES))

def nodes(body, found):
    say("nodes", request=body["request"], nodes=found[: body["limit"]])

def answer(kind, body):
    if kind == "browse":
        path = body["path"]
        nodes(body, [folder(one) for one in folders()] if path == "" else [node(one) for one in NODES if one.startswith(path + "/")])
    elif kind == "search" and answers:
        text = body["text"].lower()
        found = [folder(one) for one in folders() if text in one.lower()]
        nodes(body, [node(path) for path in NODES if text in (path + NODES[path]).lower()] + found)
    elif kind == "read":
        say("values", request=body["request"], items=[{"tag": tag, "value": 21.5} for tag in body["tags"]])
    elif kind == "subscribe":
        say("subscribed", request=body["request"], items=[{"tag": item["tag"]} for item in body["items"]])

say("hello", protocol=[1, 1], name="tree", version="1.0.0", capabilities={"browse": True, "search": True})
turns, answers, beat_s, unread = 0, True, 1, b""
while True:
    turns += 1
    if select.select([0], [], [], beat_s / 2)[0]:
        read = os.read(0, 65536)
        if not read:
            sys.exit()
        *lines, unread = (unread + read).split(b"\n")
        for kind, body in (next(iter(json.loads(line).items())) for line in lines):
            if kind == "welcome":
                answers, beat_s = body["config"].get("answers", True), body["progress_ms"] / 1000
                say("state", status="connected")
            elif kind in ("stop", "refused"):
                sys.exit()
            else:
                answer(kind, body)
    say("progress", turns=turns)
