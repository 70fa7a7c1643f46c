import json, math, os, select, sys, time

out = os.fdopen(os.dup(1), "w")  # the protocol
os.dup2(2, 1)  # a stray print goes to the log instead
unread = b""
BATTERY, KEYED, ALIKE = "A5:C2:37:00:00:01", "C0:00:00:00:00:02", "A4:C1:37:00:00:03"
SENSOR, PHONE, HOSTILE = "A4:C1:38:00:00:04", "5A:11:22:33:44:55", "D0:00:00:00:00:06"
CODE = "123456"

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

def read_by(kind, title, address, sure=True, needs=()):
    known = {"class": "advertising" if needs else "battery", "kind": kind, "variant": None, "title": title, "sure": sure}
    return {"known": known, "connection": {"driver": "pack", "config": {"bluetooth": address}, "needs": list(needs)}}

def devices():
    wave = math.sin(time.monotonic())
    plain = {"random": False, "services": [], "manufacturer": {}, "service_data": {}, "encrypted": False, "known": None,
             "tags": None, "named": False, "values": {}, "connection": None}
    one = lambda address, name, rssi, **more: {
        **plain, "address": address, "name": name, "rssi": round(rssi + 3 * wave), "age_s": 0.4, "connected": False,
        "paired": address in paired, "trusted": address in trusted, **more}
    return [] if silent else [
        one(BATTERY, "xiaoxiang BMS", -52, services=["ff00"], manufacturer={"0397": "2e37c2a5"}, **read_by("jbd", "JBD / Xiaoxiang", BATTERY)),
        one(KEYED, "SmartShunt HQ2221", -71, manufacturer={"02e1": "1000"}, encrypted=True,
            **read_by("victron", "Victron", KEYED, needs=["key"])),
        one(ALIKE, "DL-40A3", -77, services=["fff0"], **read_by("daly", "Daly", ALIKE, sure=False)),
        one(SENSOR, "Ruuvi 7F3C", -83, manufacturer={"0499": "0512fc5394c37c0004fffc040cac364200cdcbb8334c884f"},
            known={"class": "sensor", "kind": "ruuvi", "variant": None, "title": "RuuviTag", "sure": True},
            values={"temperature": 21.5, "humidity": 48.2}),
        one(PHONE, None, -91, random=True, manufacturer={"004c": "1005"}, age_s=42.0),
        one(HOSTILE, "<img src=x onerror=\"document.title='taken'\"> \u202e" + "ق" * 4000, -88),
    ]

def pair(address, code, confirm):
    """What a pairing wants next, or a failure."""
    if address == BATTERY and code != CODE:
        return {"asks": "code", "digits": True} if code is None else failed("the code is wrong", "see the label on the battery")
    if address == KEYED and confirm is not True:
        return {"asks": "confirm", "number": "421337"} if confirm is None else failed("the numbers were not the same", "pair it anew")
    if address == SENSOR and address not in shown:
        shown.add(address)
        return {"asks": "show", "code": "987654"}
    if address == PHONE:
        return failed(f"{address} does not pair: refused", "does the device wait for a pairing?")
    paired.add(address)
    return {"paired": True}

def failed(message, hint):
    return {"failure": {"message": message, "hint": hint}}

def act(action, given):
    global without
    address = given.get("address")
    if action == "power":
        if without == "adapter":
            return failed("there is no Bluetooth adapter", "plug in an adapter")
        without = "" if given["on"] else "power"
        tell()
        return {"powered": given["on"]}
    if without:
        return failed(*trouble())
    if action == "scan":
        adapter = {"id": "hci0", "address": "00:1A:7D:DA:71:00", "name": "house", "powered": True, "searching": True, "held_by": ["bt.bms_001"]}
        return {"adapter": adapter, "devices": devices()}
    if action == "pair":
        return pair(address, given.get("code"), given.get("confirm"))
    if action == "trust":
        (trusted.add if given.get("trusted", True) else trusted.discard)(address)
        return {"trusted": address in trusted}
    if action == "remove":
        paired.discard(address), trusted.discard(address), shown.discard(address)
        return {"removed": True}
    battery = [{"uuid": "ff01", "can": ["notify"]}, {"uuid": "ff02", "can": ["write"]}]
    charge = [{"uuid": "00002a19-0000-1000-8000-00805f9b34fb", "can": ["read"]}]
    return {"connected": True, "took_ms": 1840, "read": {charge[0]["uuid"]: "57"},
            "services": [{"uuid": "ff00", "characteristics": battery}, {"uuid": "180f", "characteristics": charge}]}

def trouble():
    if without == "adapter":
        return "there is no Bluetooth adapter", "plug in an adapter, or unlock it with `rfkill unblock bluetooth`"
    return "the Bluetooth adapter `hci0` is switched off", "switch it on with the action `power`"

def tell():
    if without:
        text, hint = trouble()
        say("state", status="degraded", text=text, hint=hint)
    else:
        say("state", status="connected", text="listens on hci0")

say("hello", protocol=[1, 1], name="radio", version="1.0.0", capabilities=json.load(open("manifest.json"))["capabilities"])
config, turns, paired, trusted, shown = None, 0, set(), set(), set()
while True:
    turns += 1
    for kind, body in heard(0.05 if config is None else max(0, beat_at - time.monotonic())):
        if kind == "welcome":
            config, beat_s = body["config"], body["progress_ms"] / 1000
            without, silent = config.get("without", ""), config.get("silent", False)
            beat_at = time.monotonic()
            tell()
        elif kind == "subscribe":
            say("subscribed", request=body["request"], items=[{"tag": item["tag"]} for item in body["items"]])
        elif kind == "call":
            answer = act(body["action"], body.get("arguments") or {})
            say("returned", request=body["request"], **(answer if "failure" in answer else {"result": answer}))
        elif kind in ("stop", "refused"):
            sys.exit()
    if config is not None and time.monotonic() >= beat_at:
        say("progress", turns=turns)
        beat_at = time.monotonic() + beat_s
