"""BlueZ as python-dbusmock plays it, on a bus of its own: bluez.py FOLDER. Prints "ready ADDRESS OF THE BUS", then takes
commands as lines of JSON and prints "ok" after each:

{"answers": {QUESTION IN HEX: [FRAGMENT IN HEX, ...]}}  what the battery says when it is written to
{"away": true}   the battery goes: its link breaks, it is not heard and does not connect
{"away": false}  it comes back
{"shunt": HEX}   a second device, D4:00:00:00:00:02, advertises this as Victron's; null and it is silent
{"ask": true}    prints how often it was connected, paired and written to, in place of "ok"
"""

import atexit
import json
import pathlib
import subprocess
import sys
import threading

import dbus
import dbus.mainloop.glib
import dbus.service
from dbusmock import mockobject
from dbusmock.templates import bluez5
from gi.repository import GLib

ADAPTER, ADDRESS, NAME = "hci0", "A5:C2:37:00:00:01", "xiaoxiang BMS"
SHUNT = "D4:00:00:00:00:02"
DEVICE = "org.bluez.Device1"
SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
UUID = "0000%s-0000-1000-8000-00805f9b34fb"
# Between two fragments, as a link has it: one connection event each.
FRAGMENT_MS = 15

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path=%s</listen>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_type="signal"/><allow send_type="method_return"/><allow send_type="error"/>
<allow receive_type="method_call"/><allow receive_type="signal"/><allow receive_type="method_return"/>
<allow receive_type="error"/></policy></busconfig>
"""

folder = pathlib.Path(sys.argv[1])
(folder / "bus.conf").write_text(CONFIG % (folder / "bus"))
daemon = subprocess.Popen(
    ["dbus-daemon", "--config-file", str(folder / "bus.conf"), "--nofork", "--print-address"],
    stdout=subprocess.PIPE, text=True)
atexit.register(daemon.kill)
address = daemon.stdout.readline().strip()

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.bus.BusConnection(address)
name = dbus.service.BusName("org.bluez", bus, do_not_queue=True)
manager = mockobject.DBusMockObject(name, "/", "org.bluez.Mock", {}, logfile=str(folder / "log"), is_object_manager=True)
mockobject.objects["/"] = manager
manager.AddTemplate("bluez5", dbus.Dictionary({}, signature="sv"))
manager.AddAdapter(ADAPTER, "the adapter of a test")

answers = {}
counts = {"connects": 0, "pairs": 0, "writes": 0}
away = False
shunt = None
shunt_path = "/org/bluez/%s/dev_%s" % (ADAPTER, SHUNT.replace(":", "_"))
path = "/org/bluez/%s/dev_%s" % (ADAPTER, ADDRESS.replace(":", "_"))
parts = [path + "/service0001", path + "/service0001/char0002", path + "/service0001/char0003"]


def changed(what, interface, **properties):
    mockobject.objects[what].UpdateProperties(interface, properties)


def of_maker(company, data):
    return dbus.Dictionary(
        {dbus.UInt16(company): dbus.Array([dbus.Byte(b) for b in data], signature="y")}, signature="qv")


def advertise(rssi):
    changed(path, DEVICE, RSSI=dbus.Int16(rssi), UUIDs=dbus.Array([UUID % "ff00"], signature="s"),
            ManufacturerData=of_maker(0x0397, b"\x2e\x37\xc2\xa5"))
    if shunt:
        changed(shunt_path, DEVICE, RSSI=dbus.Int16(rssi - 10), ManufacturerData=of_maker(0x02E1, bytes.fromhex(shunt)))


def fragments(_, value, options):
    """The battery was written to."""
    counts["writes"] += 1
    said = list(answers.get(bytes(value).hex(), []))

    def next_one():
        if not said or parts[1] not in mockobject.objects:
            return False
        fragment = dbus.Array([dbus.Byte(b) for b in bytes.fromhex(said.pop(0))], signature="y")
        mockobject.objects[parts[1]].EmitSignal(
            dbus.PROPERTIES_IFACE, "PropertiesChanged", "sa{sv}as",
            [CHARACTERISTIC, dbus.Dictionary({"Value": fragment}, signature="sv"), dbus.Array([], signature="s")])
        return bool(said)

    GLib.timeout_add(FRAGMENT_MS, next_one)


def add(what, interface, properties, methods):
    mockobject.objects[path].AddObject(what, interface, properties, methods)
    manager.object_manager_emit_added(what)


def connect(device):
    if away:
        raise dbus.exceptions.DBusException("le-connection-abort-by-local", name="org.bluez.Error.Failed")
    if device.connected:
        raise dbus.exceptions.DBusException("Already Connected", name="org.bluez.Error.AlreadyConnected")
    counts["connects"] += 1
    device.connected = True
    changed(path, DEVICE, Connected=dbus.Boolean(True))
    GLib.timeout_add(50, resolve)


def resolve():
    if not mockobject.objects[path].connected:
        return False
    nothing = lambda _: None
    add(parts[0], SERVICE, {"UUID": UUID % "ff00", "Primary": dbus.Boolean(True)}, [])
    flags = lambda *names: dbus.Array(names, signature="s")
    add(parts[1], CHARACTERISTIC, {"UUID": UUID % "ff01", "Flags": flags("notify"), "Service": dbus.ObjectPath(parts[0])},
        [("StartNotify", "", "", nothing), ("StopNotify", "", "", nothing)])
    add(parts[2], CHARACTERISTIC,
        {"UUID": UUID % "ff02", "Flags": flags("write-without-response"), "Service": dbus.ObjectPath(parts[0])},
        [("WriteValue", "aya{sv}", "", fragments)])
    changed(path, DEVICE, ServicesResolved=dbus.Boolean(True))
    return False


def disconnect(device):
    device.connected = False
    changed(path, DEVICE, Connected=dbus.Boolean(False), ServicesResolved=dbus.Boolean(False))
    for part in reversed(parts):
        if part in mockobject.objects:
            manager.object_manager_emit_removed(part)
            mockobject.objects[path].RemoveObject(part)


def pair(device):
    counts["pairs"] += 1
    bluez5.Pair(device)


def add_battery():
    manager.AddDevice(ADAPTER, ADDRESS, NAME)
    mockobject.objects[path].AddMethods(DEVICE, [
        ("Connect", "", "", connect), ("Disconnect", "", "", disconnect), ("Pair", "", "", pair)])


def tick(state={"rssi": -60}):
    """A battery advertises while it is searched for and not connected."""
    adapter = mockobject.objects["/org/bluez/" + ADAPTER]
    if adapter.props["org.bluez.Adapter1"]["Discovering"] and not away and not mockobject.objects[path].connected:
        state["rssi"] = -60 - (state["rssi"] + 61) % 5
        advertise(state["rssi"])
    return True


def command(line):
    global answers, away, shunt
    said = json.loads(line)
    if "ask" in said:
        print(json.dumps(counts), flush=True)
        return False
    answers = said.get("answers", answers)
    away = said.get("away", away)
    shunt = said.get("shunt", shunt)
    if shunt and shunt_path not in mockobject.objects:
        manager.AddDevice(ADAPTER, SHUNT, "SmartShunt HQ2221")
    if away and mockobject.objects[path].connected:
        disconnect(mockobject.objects[path])
    print("ok", flush=True)
    return False


def listen(loop):
    for line in sys.stdin:
        GLib.idle_add(command, line)
    GLib.idle_add(loop.quit)


add_battery()
GLib.timeout_add(200, tick)
loop = GLib.MainLoop()
threading.Thread(target=listen, args=(loop,), daemon=True).start()
print("ready", address, flush=True)
loop.run()
