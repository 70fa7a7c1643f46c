"""Does harm in the way that its configuration names. Each way has an end of its own, so that a wall that fails harms no machine."""

import json
import os
import sys
import threading
import time

LONGEST_S = 60  # nothing here runs longer than its house's test
MOST_BYTES = 300 << 20
MOST_THINGS = 2000  # threads, descriptors

began = time.monotonic()
out = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
lock = threading.Lock()


def goes_on():
    return time.monotonic() - began < LONGEST_S


def say(kind, **body):
    with lock:
        out.write(json.dumps({kind: body}).encode() + b"\n")
        out.flush()


def hear():
    return next(iter(json.loads(sys.stdin.readline()).items()))


def alive():
    """Looks as if all were well."""
    def beat():
        turns = 0
        while True:
            turns += 1
            say("progress", turns=turns)
            time.sleep(1)

    say("state", status="connected")
    threading.Thread(target=beat, daemon=True).start()


def idle():
    """Does as the daemon says, and nothing else."""
    while goes_on():
        kind, body = hear()
        if kind == "subscribe":
            say("subscribed", request=body["request"], items=[{"tag": item["tag"]} for item in body["items"]])
        elif kind == "stop":
            sys.exit(0)


def house():
    """The folder of the house: this plugin's own is state/instances/ID in it."""
    return os.path.join(os.environ["HOME"], "../../..")


def call(name, *arguments):
    """A function of the C library."""
    import ctypes

    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    raise SystemExit("it was permitted")


# What grows.

def leak():
    alive()
    kept = []
    while goes_on() and len(kept) < MOST_BYTES >> 20:
        kept.append(b"x" * (1 << 20))
        time.sleep(0.01)


def busy():
    alive()
    while goes_on():
        pass


def descriptors():
    alive()
    kept = []
    while goes_on() and len(kept) < MOST_THINGS:
        try:
            kept.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            time.sleep(0.1)


def threads():
    alive()
    made = 0
    while goes_on() and made < MOST_THINGS:
        try:
            threading.Thread(target=time.sleep, args=(LONGEST_S,), daemon=True).start()
            made += 1
        except RuntimeError:
            time.sleep(0.1)
    idle()


def disk():
    alive()
    for number in range(MOST_BYTES >> 20):
        with open(os.path.join(os.environ["HOME"], f"junk-{number}"), "wb") as file:
            file.write(os.urandom(1 << 20))
        time.sleep(0.02)
    idle()


def one_file():
    """One that is larger than the folder may be; it has no block on the disk."""
    os.close(os.open(os.path.join(os.environ["HOME"], "junk"), os.O_CREAT))
    os.truncate(os.path.join(os.environ["HOME"], "junk"), MOST_BYTES)


def nameless():
    """Fills the disk with files that have no name any more."""
    alive()
    kept = []
    for number in range(MOST_BYTES >> 20):
        path = os.path.join(os.environ["TMPDIR"], "junk")
        kept.append(open(path, "wb", buffering=0))
        os.unlink(path)
        kept[-1].write(os.urandom(1 << 20))
        time.sleep(0.02)
    idle()


def many_files():
    alive()
    for number in range(10_000):
        os.close(os.open(os.path.join(os.environ["HOME"], f"f{number}"), os.O_CREAT))
    idle()


def log_flood():
    alive()
    line = b"all is well, and here is one more line to say so\n" * 200
    while goes_on():
        os.write(2, line)


def sample_flood():
    alive()
    batch = 0
    while goes_on() and batch < 100_000:
        batch += 1
        say("samples", batch=batch, items=[{"tag": f"noise/{n}", "value": n} for n in range(500)])
        while batch > 8 and hear()[0] != "accepted":
            pass


def million_tags():
    alive()
    batch = 0
    while goes_on() and batch < 1000:
        items = [{"tag": f"tag/{batch * 1000 + n}", "value": n} for n in range(1000)]
        batch += 1
        say("samples", batch=batch, items=items)
        while batch > 8 and hear()[0] != "accepted":
            pass
    idle()


def message_flood():
    """Answers that nobody asked for, without end."""
    alive()
    while goes_on():
        say("nodes", request=1, nodes=[{"name": "n", "path": "n", "children": True}], next="more")


def endless():
    """Answers one question with pages without end."""
    alive()
    while True:
        kind, body = hear()
        while kind == "browse" and goes_on():
            say("nodes", request=body["request"], nodes=[{"name": "n", "path": "n", "children": True}], next="more")


# What breaks the protocol.

def sleep():
    say("state", status="connected")
    time.sleep(LONGEST_S)


def giant():
    out.write(b'{"samples":' + b" " * (64 << 20))
    time.sleep(LONGEST_S)


def half():
    out.write(b'{"state":{"status":"conn')
    out.flush()
    os._exit(0)


def closed():
    alive()
    time.sleep(0.2)
    with lock:
        os.close(out.fileno())
        time.sleep(LONGEST_S)


def deaf():
    """Is told to stop and asked to end, and does neither."""
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    alive()
    time.sleep(LONGEST_S)


def unread():
    """Never reads what it is told."""
    alive()
    time.sleep(LONGEST_S)


def wrong_ids():
    alive()
    batch = 0
    while goes_on():
        say("written", confirmed=[[0, (1 << 63) - 1], [7, 7], [9, 8]])
        say("returned", request=99_999, result={"fine": True})
        say("subscribed", request=99_999, items=[{"tag": "x"}])
        time.sleep(0.05)


def garbage():
    out.write(b"\x81\xc1" + os.urandom(4096))
    out.flush()
    time.sleep(LONGEST_S)


def deep():
    out.write(b'{"event":' + b'{"a":' * 100_000 + b"\n")
    out.flush()
    time.sleep(LONGEST_S)


def credit():
    alive()
    for batch in range(1, 2000):
        say("samples", batch=batch, items=[{"tag": "x", "value": n} for n in range(1000)])
    time.sleep(LONGEST_S)


def order():
    alive()
    say("samples", batch=7, items=[])
    time.sleep(LONGEST_S)


def unknown_number():
    """Samples under a number that was never given out, and with a time in the next century."""
    alive()
    batch = 0
    while goes_on():
        batch += 1
        say("samples", batch=batch, items=[{"tag": 77_777, "value": 1}, {"tag": "late", "value": 1, "time": 4_102_444_800_000_000}])
        time.sleep(0.5)


def panic():
    raise ZeroDivisionError("this plugin cannot even start")


# What a program may not do at all. Each try must fail with words, which become the reason of its end.

def clock():
    time.clock_settime(time.CLOCK_REALTIME, time.time() + 1)


def old_clock():
    import array

    call("settimeofday", array.array("l", [int(time.time()) + 1, 0]).tobytes(), None)


def secrets():
    open(os.path.join(house(), "config", "secrets.json")).read()


def neighbours():
    os.listdir(os.path.join(os.environ["HOME"], ".."))


def config():
    open(os.path.join(house(), "config", "fieldrail.json"), "a").write(" ")


def link():
    """A link in its own folder that leads out of it."""
    path = os.path.join(os.environ["HOME"], "mine")
    os.symlink(os.path.join(house(), "config", "secrets.json"), path)
    open(path).read()


def shadow():
    open("/etc/shadow").read()


def device():
    os.mknod(os.path.join(os.environ["HOME"], "disk"), 0o60600, os.makedev(254, 0))


def connect():
    import socket

    socket.create_connection(("127.0.0.1", 1883), 1)


def frames():
    import socket

    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


def trace():
    call("ptrace", 16, os.getppid() or 1, 0, 0)  # PTRACE_ATTACH


def environ():
    """Looks into whoever else there is."""
    me = os.readlink("/proc/self")
    for name in os.listdir("/proc"):
        if name.isdigit() and name != me:
            open(f"/proc/{name}/environ", "rb").read()


def kill():
    """Ends whoever else there is, by number and by the folder in /proc."""
    import signal

    me, harmed = os.readlink("/proc/self"), 0
    for name in os.listdir("/proc"):
        if name.isdigit() and name != me:
            try:
                # Signal 0 kills nobody, and is refused in the same way.
                signal.pidfd_send_signal(os.open(f"/proc/{name}", os.O_RDONLY | os.O_DIRECTORY), 0)
                harmed += 1
            except OSError:
                pass
    raise SystemExit(f"reached {harmed} others")


def mount():
    call("mount", b"none", os.environ["HOME"].encode(), b"tmpfs", 0, None)


def namespace():
    call("unshare", 0x10000000)  # CLONE_NEWUSER


def child():
    os.fork()


def program():
    """A program of its own making."""
    path = os.path.join(os.environ["HOME"], "program")
    with open(path, "w") as file:
        file.write("#!/bin/sh\nexec sleep 60\n")
    os.chmod(path, 0o755)
    os.execv(path, [path])


def greedy():
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (100_000, 100_000))


def first():
    os.nice(-20)


# Those that begin wrong.
mine = os.path.basename(os.environ["HOME"])
if mine.endswith("no_hello"):
    time.sleep(LONGEST_S)
if mine.endswith("wrong_version"):
    say("hello", protocol=[8, 9], name="hostile")
elif mine.endswith("wrong_name"):
    say("hello", protocol=[1, 1], name="mqtt")
elif mine.endswith("exits_again"):
    sys.exit(3)
else:
    say("hello", protocol=[1, 1], name="hostile", capabilities={"write": True, "browse": True})
kind, welcome = hear()
if kind == "welcome":
    globals()[welcome["config"]["mode"]]()
    raise SystemExit("came to its own end: no wall ended it")
time.sleep(LONGEST_S)
