"""The test server of pyads-agile with tables of its own: python agile_server.py PORT. Prints "ready" when it listens."""

import struct
import sys
import time

from pyads import constants
from pyads.metadata import AdsArrayInfo, AdsDataType, AdsEnumValue
from pyads.testserver import AdsTestServer, AdvancedHandler
from pyads.testserver.advanced_handler import PLCVariable
from pyads.testserver.handler import AmsResponseData


def data_type(name, type_name, size, ads_type, offset=0, flags=0x1, **more):
    return AdsDataType(0, 1, 0, 0, size, offset, ads_type, flags, name, type_name, "", **more)



class Handler(AdvancedHandler):
    """With handles in sums, as a PLC takes them, and refusals of what it does not know, of which this server dies."""

    # Where handles go that are given back.
    released = PLCVariable("released", bytes(4), constants.ADST_UINT32, "UDINT", 0xF006, 0)

    def get_variable_by_indices(self, index_group, index_offset):
        if index_group == constants.ADSIGRP_SYM_RELEASEHND:
            return self.released
        if index_group == constants.ADSIGRP_SYM_VALBYHND:
            return self.get_variable_by_handle(index_offset)
        return super().get_variable_by_indices(index_group, index_offset)

    def handle_request(self, request):
        try:
            return super().handle_request(request)
        except KeyError:
            flags = struct.unpack("<H", request.ams_header.state_flags)[0] | 1
            # "Service is not supported", and no data.
            return AmsResponseData(struct.pack("<H", flags), request.ams_header.error_code, struct.pack("<II", 0x701, 0))


handler = Handler()
members = (
    data_type("fVoltage", "REAL", 4, constants.ADST_REAL32, 0, 0x2),
    data_type("aCells", "ARRAY [1..3] OF INT", 6, constants.ADST_INT16, 4, 0x2),
    data_type("eMode", "E_Mode", 2, constants.ADST_INT16, 10, 0x2),
)
names = (("Off", 0), ("Heat", 1))
values = tuple(AdsEnumValue(name, value, value.to_bytes(2, "little")) for name, value in names)
handler._data_types += [
    data_type("E_Mode", "INT", 2, constants.ADST_INT16, flags=0x2001, enum_values=values),
    data_type("ARRAY [1..3] OF INT", "INT", 6, constants.ADST_INT16, array_dimensions=(AdsArrayInfo(1, 3),)),
    data_type("ST_Battery", "", 12, constants.ADST_BIGTYPE, members=members),
]

variables = [
    # Its byte is what the driver asks the version of the program for; without it the server's thread dies.
    PLCVariable("SymbolVersion", b"\x07", constants.ADST_UINT8, "USINT", 0xF008, 0),
    PLCVariable("MAIN.bLight", b"\x01", constants.ADST_BIT, "BOOL", comment="Licht Küche"),
    PLCVariable("MAIN.nCount", struct.pack("<h", -1234), constants.ADST_INT16, "INT"),
    PLCVariable("MAIN.fTemperature", struct.pack("<d", 21.5), constants.ADST_REAL64, "LREAL"),
    PLCVariable("MAIN.sName", b"hurz".ljust(81, b"\0"), constants.ADST_STRING, "STRING(80)"),
    PLCVariable("MAIN.stBattery", struct.pack("<f4h", 51.5, 1, 2, 3, 1), constants.ADST_BIGTYPE, "ST_Battery"),
]
for variable in variables:
    handler._data[(variable.index_group, variable.index_offset)] = variable

server = AdsTestServer(handler=handler, ip_address="127.0.0.1", port=int(sys.argv[1]), logging=False)
server.start()
print("ready", flush=True)
sys.stdin.read()
