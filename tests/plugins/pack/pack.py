import json, os, select, sys, time

out = os.fdopen(os.dup(1), "w")  # the protocol
os.dup2(2, 1)  # a stray print goes to the log instead
unread, names, batch = b"", {}, 0
ALARMS = ["cell_overvoltage", "cell_undervoltage", "charge_overcurrent", "discharge_overtemp", "short_circuit", "b6_4"]
KEY = "open sesame"

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

def pack(prefix, nth):
    """Each datapoint of one pack: its name, value, unit."""
    own = {}
    put = lambda name, value, unit="": own.__setitem__(prefix + name, (value, unit))
    cells = [3.31 + (n * 7 % 5) / 1000 for n in range(count)]
    if len(cells) > 4:
        cells[2], cells[4] = 3.288, 3.342
    for n, volt in enumerate(cells, 1):
        put(f"cells.{n:02}", round(volt, 3), "V")
    if cells:
        put("cell_min", round(min(cells), 3), "V"), put("cell_max", round(max(cells), 3), "V")
        put("cell_delta", round(max(cells) - min(cells), 3), "V")
    put("voltage", round(sum(cells), 2) or 12.8, "V"), put("current", -12.5 - nth, "A"), put("power", -660 - 50 * nth, "W")
    put("soc", 76 - 5 * nth, "%"), put("soh", 98, "%"), put("capacity", 280, "Ah"), put("remaining", 212.8, "Ah"), put("cycles", 143)
    put("temperatures.1", 18.4, "°C"), put("temperatures.2", 19.1, "°C")
    put("charge_mos", True), put("discharge_mos", True), put("balancing", False)
    put("limits.cell_overvoltage", 3.65, "V"), put("limits.cell_undervoltage", 2.8, "V")
    for name in ALARMS:
        put(f"alarms.{name}", name in standing)
    put("alarm", bool(standing)), put("model", "Pack of the tests"), put("serial", f"00{nth}7")
    return own

def house():
    """All datapoints: value, unit, quality, note."""
    points = {}
    for nth, name in enumerate(packs or [""]):
        quality, note = ("bad:not_connected", f"{name} does not answer") if name and name == missing else ("good", None)
        for tag, (value, unit) in pack(f"{name}." if name else "", nth).items():
            value = switched.get(tag, value)
            doubted = doubt and quality == "good" and ("voltage" in tag.split(".") or ".cells." in f".{tag}")
            known = (value, "uncertain:implausible", doubt) if doubted else (None if note else value, quality, note)
            points[tag] = (*known[:1], unit, *known[1:])
    if packs:
        here = [name for name in packs if name != missing]
        quality, note = ("bad:not_connected", f"{missing} does not answer; the sum is that of the others") if missing else ("good", None)
        shared = ("uncertain", f"{missing} does not answer; it is that of the others") if missing else ("good", None)
        total = {"current": (-12.5 * len(here), "A"), "power": (-660 * len(here), "W"), "capacity": (280 * len(here), "Ah")}
        points |= {f"bank.{name}": (value, unit, quality, note) for name, (value, unit) in total.items()}
        means = {"soc": (74, "%"), "voltage": (26.5, "V"), "cell_min": (3.288, "V"), "cell_max": (3.342, "V"), "cell_delta": (0.054, "V"), "alarm": (False, "")}
        points |= {f"bank.{name}": (value, unit, *shared) for name, (value, unit) in means.items()}
        points |= {"bank.packs": (len(packs), "", "good", None), "bank.packs_online": (len(here), "", "good", None)}
    return points

def node(tag, unit):
    return {"name": tag.rsplit(".", 1)[-1], "path": tag, "tag": tag, "unit": unit or None, "writable": writes and tag.endswith("_mos")}

def send(tags):
    global batch
    points = house()
    items = [{"tag": tag, "value": points[tag][0], "quality": points[tag][2], "note": points[tag][3]} for tag in tags if tag in points]
    if items:
        batch += 1
        say("samples", batch=batch, items=items)

def write(one):
    tag, value = names.get(one["tag"], one["tag"]), one["value"]
    if not writes or not tag.endswith("_mos"):
        return {"message": "it cannot be switched", "hint": "`writes` allows it"}
    if cold and value:
        return {"message": "too cold to be switched on", "hint": "warm it up first"}
    switched[tag] = value
    return None

def begin():
    """Says how it stands; a test of the connection ends with it."""
    at = config.get("bluetooth", "")
    if at.startswith("C0") and config.get("key") != KEY:
        say("state", status="failed", text="the key does not open what the device tells", hint="the maker's app shows it as `encryption data`")
    elif at.startswith("A4:C1:37"):
        say("state", status="failed", text=f"{at} does not answer as this battery does", hint="is it the device that it is taken for?")
    else:
        say("state", status="connected", text=f"reads {at or 'a battery'}")

say("hello", protocol=[1, 1], name="pack", version="1.0.0", capabilities=json.load(open("manifest.json"))["capabilities"])
config, turns, switched, wanted = None, 0, {}, set()
while True:
    turns += 1
    for kind, body in heard(0.05 if config is None else max(0, beat_at - time.monotonic())):
        if kind == "welcome":
            config, beat_s = body["config"], body["progress_ms"] / 1000
            count, packs, missing = config.get("cells", 8), config.get("packs", []), config.get("missing", "")
            standing, doubt, writes, cold = config.get("alarms", []), config.get("doubt"), config.get("writes", False), config.get("cold", False)
            beat_at = time.monotonic()
            begin()
        elif kind == "subscribe":
            say("subscribed", request=body["request"], items=[{"tag": item["tag"]} for item in body["items"]])
            wanted |= {item["tag"] for item in body["items"]}
            send([item["tag"] for item in body["items"]])
        elif kind == "unsubscribe":
            wanted -= set(body["tags"])
        elif kind in ("browse", "search"):
            points = house()
            text = (body.get("text") or body.get("path") or "").lower()
            start = int(body["after"]) if body.get("after") else 0
            nodes = [node(tag, points[tag][1]) for tag in sorted(points) if text in tag][start:start + body["limit"]]
            more = str(start + body["limit"]) if len(nodes) == body["limit"] else None
            say("nodes", request=body["request"], nodes=nodes, next=more)
        elif kind == "read":
            points = house()
            items = [{"tag": tag, "value": points[tag][0], "quality": points[tag][2]} if tag in points else
                     {"tag": tag, "value": None, "quality": "bad:not_found"} for tag in body["tags"]]
            say("values", request=body["request"], items=items)
        elif kind == "write":
            names.update(body.get("tags", []))
            for one in body["items"]:
                why = write(one)
                say("written", **({"rejected": [{"id": one["id"], "failure": why}]} if why else {"confirmed": [[one["id"], one["id"]]]}))
            send(sorted(wanted))
        elif kind in ("stop", "refused"):
            sys.exit()
    if config is not None and time.monotonic() >= beat_at:
        say("progress", turns=turns)
        beat_at = time.monotonic() + beat_s
