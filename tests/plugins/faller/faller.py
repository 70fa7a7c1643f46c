import base64, ctypes, json, os, select, sys, urllib.parse

out = os.fdopen(os.dup(1), "w")  # the protocol
os.dup2(2, 1)  # a stray print goes to the log instead
unread = b""

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

def log_in(config):
    user = {"name": "anna", "password": config["password"]}
    raise PermissionError(f"403 for {user} at {config['host']} with key {config['api_key']}")

def fall(config):
    if config["how"] == "signal":
        ctypes.string_at(0)
    if config["how"] == "exit":
        sys.exit(7)
    if config["how"] != "wait":
        log_in(config)

def careless(config):
    password = config["password"]
    print("connecting with", password, file=sys.stderr)
    print("GET /?p=" + urllib.parse.quote(password, safe=""), file=sys.stderr)
    print("token", base64.b64encode(password.encode()).decode(), file=sys.stderr)
    print("mqtt://anna:" + config["api_key"] + "@broker/", file=sys.stderr)
    print("x" * (400 - 20) + " cut within " + password, file=sys.stderr, flush=True)
    items = [{"tag": "echo", "value": password}, {"tag": "power", "value": 21.5}]
    say("samples", batch=1, items=items)

say("hello", protocol=[1, 1], name="faller", version="2.7.1", capabilities={"write": True})
config = None
while True:
    for kind, body in heard(1):
        if kind == "welcome":
            config = body["config"]
            say("state", status="connected")
            careless(config)
        elif kind == "accepted":
            fall(config)
        elif kind in ("stop", "refused"):
            sys.exit()
