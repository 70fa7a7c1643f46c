"""Beckhoff's own library, through pyads, as a bare client loop on the large PLC; the bench runs it beside the driver.

Argument: {"address": ip, "do": "upload" | "poll" | "press", ...}. Prints one line of JSON.
"""

import ctypes
import json
import os
import queue
import sys
import time

import pyads

wish = json.loads(sys.argv[1])
pyads.open_port()
pyads.set_local_address("127.0.0.1.1.1")
pyads.close_port()


def connect():
    plc = pyads.Connection("192.168.2.162.1.1", 851, wish["address"])
    plc.open()
    plc.set_timeout(10000)
    return plc


def upload():
    """All symbols, and a search through them by name or comment."""
    took = []
    for _ in range(wish["times"]):
        begun = time.perf_counter()
        plc = connect()
        symbols = plc.get_all_symbols()
        took.append(time.perf_counter() - begun)
        plc.close()
    searches = []
    for needle in wish["needles"] * wish["times"]:
        begun = time.perf_counter()
        found = [s for s in symbols if needle in s.name.lower() or needle in s.comment.lower()][:100]
        searches.append(time.perf_counter() - begun)
    return {"symbols": len(symbols), "found": len(found), "took_s": took, "searches_s": searches}


def poll():
    """Sum reads of the same tags every 100 ms, or as often as it can."""
    plc = connect()
    names = [symbol.name for symbol in plc.get_all_symbols() if symbol.name.startswith("Poll")]
    plc.read_list_by_name(names)
    cpu, begun, cycles = sum(os.times()[:2]), time.perf_counter(), 0
    due = begun
    while due < begun + wish["seconds"]:
        values = plc.read_list_by_name(names)
        cycles += 1
        due = max(due + 0.1, time.perf_counter())
        time.sleep(max(0, due - time.perf_counter()))
    took = time.perf_counter() - begun
    with open("/proc/self/smaps_rollup", encoding="ascii") as rollup:
        pss = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    used = sum(os.times()[:2]) - cpu
    return {"tags": len(values), "cpu": used / took, "cycles_per_s": cycles / took, "pss_mb": pss / 1024}


def press():
    """A write to a push button, and the notification of its lamp."""
    plc = connect()
    heard = queue.Queue()
    attributes = pyads.NotificationAttrib(1, trans_mode=pyads.ADSTRANS_SERVERONCHA, cycle_time=wish["notify_ms"])

    @plc.notification(pyads.PLCTYPE_BOOL)
    def on_change(handle, name, timestamp, value):
        heard.put(value)

    handles = plc.add_device_notification(wish["lamp"], attributes, on_change)
    button = plc.get_handle(wish["button"])
    write = lambda on: plc.write_by_name("", on, pyads.PLCTYPE_BOOL, handle=button)
    try:
        heard.get(timeout=1)
    except queue.Empty:
        pass  # the library loses a first sample that is faster than its own bookkeeping
    took = []
    lost = 0
    for _ in range(wish["times"]):
        begun = time.perf_counter()
        write(True)
        try:
            heard.get(timeout=2)
            took.append(time.perf_counter() - begun)
        except queue.Empty:
            lost += 1
        write(False)
        time.sleep(0.05)
    plc.del_device_notification(*handles)
    plc.release_handle(button)
    plc.close()
    return {"took_s": took, "lost": lost}


assert ctypes.sizeof(pyads.PLCTYPE_BOOL) == 1
print(json.dumps({"upload": upload, "poll": poll, "press": press}[wish["do"]]()), flush=True)
