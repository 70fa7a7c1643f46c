import json, os, select, sys, time, unicodedata

out = os.fdopen(os.dup(1), "w")  # the protocol
os.dup2(2, 1)  # a stray print goes to the log instead
unread, names = b"", {}
STEP_S = 0.05
KINDS = ["BOOL", "INT", "LREAL", "STRING(80)"]

def say(kind, **body):
    out.write(json.dumps({kind: body}) + "\n")
    out.flush()

def heard(wait):
    """The messages that come within `wait` seconds; ends with the daemon."""
    global unread
    if not select.select([0], [], [], wait)[0]:
        return []
    read = os.read(0, 262144)
    if not read:
        sys.exit()
    *lines, unread = (unread + read).split(b"\n")
    return [next(iter(json.loads(line).items())) for line in lines]

def plain(text):
    text = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return text.replace("ß", "ss").replace("ae", "a").replace("oe", "o").replace("ue", "u")

def value_of(number, turn):
    kind = number % 4
    if kind == 0:
        return (number + turn) % 2 == 0
    if kind == 1:
        return {"t": "i64", "v": str(9007199254740993 + turn)} if number == 1 else number + turn
    return number + turn / 8 if kind == 2 else f"Text {number} {turn}"

def leaf(number):
    folder, index = divmod(number, leaves)
    name = f"tag_{index:04}"
    return {
        "name": name, "path": f"folder_{folder:03}/{name}", "tag": f"folder_{folder:03}/{name}", "type": KINDS[number % 4],
        "location": f"0x4020:{number:#x}", "size": [1, 2, 8, 81][number % 4], "source": "device",
        "comment": "Küchenlicht über dem Herd" if number == 5 else f"value {number} of the forest", "writable": True,
    }

def odd(name):
    return {"name": name, "path": "/" + name, "tag": name or "empty", "comment": name, "type": "STRING", "writable": True}

def page(nodes, after, limit):
    """Behind `after`, at most `limit`; the next page begins with the number of the last."""
    start = int(after) if after else 0
    items = nodes[start:start + limit]
    return {"nodes": items, "next": str(start + limit) if start + limit < len(nodes) else None}

def browse(body):
    path, after, limit = body["path"], body.get("after"), body["limit"]
    if path == "":
        roots = [odd(name) for name in extra]
        roots += [{"name": f"folder_{n:03}", "path": f"folder_{n:03}", "children": True} for n in range(folders)]
        roots += [{"name": topic, "path": "/" + topic, "tag": topic, "writable": True} for topic in published]
        return page(roots, after, limit)
    if path.startswith("folder_") and path[7:].isdigit() and int(path[7:]) < folders:
        first, start = int(path[7:]) * leaves, int(after) if after else 0
        end = min(start + limit, leaves)
        return {"nodes": [leaf(first + n) for n in range(start, end)], "next": str(end) if end < leaves else None}
    return {"nodes": [], "failure": {"message": f"there is nothing at {path!r}", "hint": "fold it and unfold it again"}}

def search(body):
    wanted = plain(body["text"])
    strange = [name for name in extra if wanted in plain(name)]
    found = page(strange + [n for n, hay in enumerate(hays) if wanted in hay], body.get("after"), body["limit"])
    return {**found, "nodes": [leaf(one) if isinstance(one, int) else odd(one) for one in found["nodes"]]}

def set_to(tag, value):
    global batch
    batch += 1
    values[tag] = value
    say("samples", batch=batch, items=[{"tag": tag, "value": value}])

say("hello", protocol=[1, 1], name="forest", version="1.0.0", capabilities=json.load(open("manifest.json"))["capabilities"])
config, batch, accepted, turns, turn, paused, credit, outstanding = None, 0, 0, 0, 0, False, 0, {}
values, published, told = {}, [], set()
while True:
    turns += 1
    wait = 0.05 if config is None else max(0, min(move_at, beat_at) - time.monotonic())
    for kind, body in heard(wait):
        if kind == "welcome":
            config, credit, beat_s = body["config"], body["credit"], body["progress_ms"] / 1000
            folders, leaves, extra = config.get("folders", 0), config.get("leaves", 0), config.get("names", [])
            rate, slow_s = config.get("per_second", 0), config.get("slow_s", 0)
            step_s = config.get("step_s", STEP_S)
            moving = [leaf(n)["tag"] for n in range(min(folders * leaves, max(1, round(rate * step_s))))] if rate else []
            hays = [plain(f"folder_{n // leaves:03}/tag_{n % leaves:04} {leaf(n)['comment']}") for n in range(folders * leaves)]
            move_at = beat_at = time.monotonic()
            say("state", status="connected")
        elif kind == "subscribe":
            say("subscribed", request=body["request"], items=[{"tag": item["tag"]} for item in body["items"]])
            for item in body["items"]:
                tag = item["tag"]
                if tag in values:
                    set_to(tag, values[tag])
                elif tag.startswith("folder_") and "/" in tag:
                    set_to(tag, value_of(int(tag[7:10]) * leaves + int(tag[-4:]), 0))
                elif not item.get("pattern"):
                    set_to(tag, "strange: " + tag[:40])
        elif kind == "write":
            names.update(body.get("tags", []))
            for write in body["items"]:
                tag = names.get(write["tag"], write["tag"])
                if write["value"] == "no":
                    say("written", rejected=[{"id": write["id"], "failure": {"message": "the forest says no", "hint": "say please"}}])
                    continue
                set_to(tag, write["value"])
                say("written", confirmed=[[write["id"], write["id"]]])
                if write.get("pulse_ms"):
                    set_to(tag, not write["value"] if isinstance(write["value"], bool) else 0)
                    say("pulsed", ids=[write["id"]])
        elif kind in ("browse", "search"):
            if slow_s:
                until = time.monotonic() + slow_s
                while time.monotonic() < until:
                    turns += 1
                    say("progress", turns=turns)
                    time.sleep(min(0.2, slow_s))
            say("nodes", request=body["request"], **(browse if kind == "browse" else search)(body))
        elif kind == "call":
            given = body.get("arguments") or {}
            topic = given.get("topic", "")
            if topic not in published:
                published.append(topic)
            set_to(topic, given.get("payload") if isinstance(given.get("payload"), (str, int, float, bool)) else {"t": "json", "v": json.dumps(given.get("payload"))})
            say("returned", request=body["request"], result={})
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
        beat_at = time.monotonic() + beat_s
    if time.monotonic() >= move_at:
        move_at += step_s
        if moving and not paused and (batch - accepted) * len(moving) < credit - len(moving):
            batch, turn = batch + 1, turn + 1
            # Each tag gets its number once.
            new = [[n, tag] for n, tag in enumerate(moving, 1) if n not in told]
            told.update(n for n, _ in new)
            say("samples", batch=batch, tags=new, items=[{"tag": n, "value": value_of(n - 1, turn)} for n in range(1, len(moving) + 1)])
