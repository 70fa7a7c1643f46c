"""Beckhoff's own library, through pyads, against the simulated PLC: python pyads_client.py ADDRESS. Ends with 0 if all holds."""

import ctypes
import queue
import sys

import pyads
from pyads import PLCTYPE_BOOL, PLCTYPE_INT, PLCTYPE_LREAL, PLCTYPE_REAL, PLCTYPE_STRING, PLCTYPE_UDINT

address = sys.argv[1]
net_id = "192.168.2.162.1.1"


def check(what, found, want):
    if found != want:
        sys.exit(f"{what}: {found!r}, want {want!r}")


pyads.open_port()
pyads.set_local_address("127.0.0.1.1.1")
pyads.close_port()
plc = pyads.Connection(net_id, 851, address)
plc.open()
plc.set_timeout(3000)

check("state", plc.read_state(), (pyads.ADSSTATE_RUN, 0))
name, version = plc.read_device_info()
check("info", (name, version.version, version.revision, version.build), ("Plc30 App", 3, 1, 4024))

check("read", plc.read_by_name("main.NA", PLCTYPE_INT), 7)
plc.write_by_name("MAIN.nA", -5, PLCTYPE_INT)
check("write", plc.read_by_name("MAIN.nA", PLCTYPE_INT), -5)
check("part", plc.read_by_name("MAIN.stBattery.fVoltage", PLCTYPE_REAL), 51.5)
plc.write_by_name("MAIN.aBatteries[1].bOn", True, PLCTYPE_BOOL)
check("element", plc.read_by_name("MAIN.aBatteries[1].bOn", PLCTYPE_BOOL), True)
check("text", plc.read_by_name("Types.vSTRING", PLCTYPE_STRING), "hurz")
check("long", plc.read_by_name("Types.vLREAL", PLCTYPE_LREAL), 2.25)
check("input", plc.read_by_name(".bInput5", PLCTYPE_BOOL), True)

handle = plc.get_handle("MAIN.nA")
check("by handle", plc.read_by_name("", PLCTYPE_INT, handle=handle), -5)
plc.release_handle(handle)

try:
    plc.read_by_name("MAIN.nNothing", PLCTYPE_INT)
    sys.exit("an unknown name was read")
except pyads.ADSError as error:
    check("error", error.err_code, 0x710)
try:
    plc.read(0x9999, 0, PLCTYPE_INT)
    sys.exit("an unknown group was read")
except pyads.ADSError as error:
    check("error", error.err_code, 0x702)

symbols = {symbol.name: symbol for symbol in plc.get_all_symbols()}
check("symbol", (symbols["MAIN.nA"].symbol_type, symbols["MAIN.nA"].comment), ("INT", "die Zahl"))
symbol = plc.get_symbol("MAIN.nA")
check("by symbol", symbol.read(), -5)

read = plc.read_list_by_name(["MAIN.nA", "Types.vUDINT", "MAIN.stBattery.fVoltage"])
check("sum read", read, {"MAIN.nA": -5, "Types.vUDINT": 4294967295, "MAIN.stBattery.fVoltage": 51.5})
errors = plc.write_list_by_name({"MAIN.nA": 12, "MAIN.nB": 13})
check("sum write", errors, {"MAIN.nA": "no error", "MAIN.nB": "no error"})
check("sum written", (plc.read_by_name("MAIN.nA", PLCTYPE_INT), plc.read_by_name("MAIN.nB", PLCTYPE_INT)), (12, 13))

heard = queue.Queue()
attributes = pyads.NotificationAttrib(ctypes.sizeof(PLCTYPE_INT), trans_mode=pyads.ADSTRANS_SERVERONCHA, cycle_time=10)


@plc.notification(PLCTYPE_INT)
def on_change(handle, name, timestamp, value):
    heard.put((name, value))


# The library loses a first sample that is faster than its own bookkeeping.
for attempt in range(3):
    handles = plc.add_device_notification("MAIN.nB", attributes, on_change)
    try:
        check("first notification", heard.get(timeout=2), ("MAIN.nB", 13))
        break
    except queue.Empty:
        plc.del_device_notification(*handles)
else:
    sys.exit("no first notification came")
plc.write_by_name("MAIN.nB", 14, PLCTYPE_INT)
check("notification", heard.get(timeout=5), ("MAIN.nB", 14))
plc.del_device_notification(*handles)
cyclic = pyads.NotificationAttrib(ctypes.sizeof(PLCTYPE_INT), trans_mode=pyads.ADSTRANS_SERVERCYCLE, cycle_time=20)
handles = plc.add_device_notification("MAIN.nB", cyclic, on_change)
for _ in range(3):
    check("cyclic notification", heard.get(timeout=5), ("MAIN.nB", 14))
plc.del_device_notification(*handles)

plc.write_control(pyads.ADSSTATE_STOP, 0, 0, PLCTYPE_INT)
check("stopped", plc.read_state(), (pyads.ADSSTATE_STOP, 0))
plc.write_control(pyads.ADSSTATE_RUN, 0, 0, PLCTYPE_INT)
plc.close()
print("all holds")
