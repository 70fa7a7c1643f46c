//! The error codes of ADS: a name, what each means, and what to try.

use std::fmt;

/// An error code, as a device or a router answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AdsCode(pub u32);

/// What is known of a code: number, name, meaning, what to try.
type Row = (u32, &'static str, &'static str, &'static str);

/// There is no program at this port.
pub const TARGET_PORT: AdsCode = AdsCode(0x06);
/// The router does not know this Net ID.
pub const TARGET_MACHINE: AdsCode = AdsCode(0x07);
/// The device does not know this command or group.
pub const SERVICE: AdsCode = AdsCode(0x701);
/// The device does not know this index group.
pub const GROUP: AdsCode = AdsCode(0x702);
/// The device refuses; also a wrong password for a route.
pub const ACCESS: AdsCode = AdsCode(0x704);
/// There is no such symbol.
pub const SYMBOL: AdsCode = AdsCode(0x710);
/// The program has changed since the handle was made.
pub const VERSION: AdsCode = AdsCode(0x711);
/// The notification handle is not known.
pub const NOTIFICATION_HANDLE: AdsCode = AdsCode(0x714);
/// The handle is not known.
pub const INVALID_HANDLE: AdsCode = AdsCode(0x751);

/// The table. Where nothing is to be tried, the text is empty.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    (0x001, "internal error", "the router failed inside", "restart TwinCAT on the device"),
    (0x002, "no real time", "the real-time part does not run", "start TwinCAT in RUN mode"),
    (0x003, "out of locked memory", "the real-time memory is used up", "raise the router memory of the device"),
    (0x004, "mailbox full", "the device has too many messages waiting", "ask less: longer intervals, fewer datapoints"),
    (0x005, "wrong window handle", "the receiver is gone", ""),
    (0x006, "target port not found", "no program listens at this AMS port", "801 is the first runtime of TwinCAT 2, 851 of TwinCAT 3; in CONFIG mode there is none"),
    (0x007, "target machine not found", "the router has no route to this Net ID", "is `ams_net_id` spelled as the device shows it? is there a route on the device?"),
    (0x008, "unknown command", "the device does not know this command", ""),
    (0x009, "bad task", "the task number is wrong", ""),
    (0x00A, "no I/O", "the device has no I/O", ""),
    (0x00B, "unknown AMS command", "the device does not know this AMS command", ""),
    (0x00C, "Win32 error", "the device's operating system failed", "restart TwinCAT on the device"),
    (0x00D, "port not connected", "the AMS port is not connected", "is the PLC program loaded?"),
    (0x00E, "invalid AMS length", "the length of the frame is wrong", ""),
    (0x00F, "invalid AMS Net ID", "the Net ID is wrong", "six numbers, for example 192.168.2.162.1.1"),
    (0x010, "low installation level", "the licence of TwinCAT does not allow this", "check the TwinCAT licence"),
    (0x011, "no debugging", "debugging is not available", ""),
    (0x012, "port disabled", "the AMS port is switched off", "is the device in RUN mode?"),
    (0x013, "port already connected", "the AMS port is in use", "another program uses the same own AMS port; set `own_port`"),
    (0x014, "AMS sync Win32 error", "the device's operating system failed", ""),
    (0x015, "AMS sync timeout", "the device did not answer its router in time", "is the PLC overloaded?"),
    (0x016, "AMS sync error", "the device's router failed", ""),
    (0x017, "AMS sync no index map", "the device's router failed", ""),
    (0x018, "invalid AMS port", "the AMS port is wrong", "801, 811, 821, 831 in TwinCAT 2; 851, 852, … in TwinCAT 3"),
    (0x019, "no memory", "the device has no memory left", "restart TwinCAT on the device"),
    (0x01A, "TCP send error", "the device could not send", "is the network stable?"),
    (0x01B, "host unreachable", "the router cannot reach the target", "is the target on and its route right?"),
    (0x01C, "invalid AMS fragment", "a frame was cut", ""),
    (0x01D, "TLS send error", "the secure connection broke", ""),
    (0x01E, "access denied", "the router refuses", "does the device want Secure ADS?"),
    (0x500, "no locked memory", "the router's memory is used up", "raise the router memory of the device"),
    (0x501, "memory cannot be resized", "the router's memory cannot be changed", ""),
    (0x502, "mailbox full", "the device has too many messages waiting", "ask less: longer intervals, fewer datapoints"),
    (0x503, "debug box full", "the device has too many debug messages waiting", ""),
    (0x504, "unknown port type", "the router does not know this kind of port", ""),
    (0x505, "router not started", "the router of TwinCAT does not run", "start TwinCAT on the device"),
    (0x506, "port in use", "the AMS port is in use", "another program uses the same own AMS port; set `own_port`"),
    (0x507, "port not registered", "nobody registered this AMS port", "is the PLC program loaded?"),
    (0x508, "no more queues", "the router has no queues left", "close other ADS clients"),
    (0x509, "invalid port", "the AMS port is wrong", ""),
    (0x50A, "router not active", "the router of TwinCAT does not run", "start TwinCAT on the device"),
    (0x50B, "mailbox full of fragments", "the device has too many fragments waiting", ""),
    (0x50C, "fragment timeout", "a fragment did not come in time", "is the network stable?"),
    (0x50D, "port removed", "the AMS port is gone", "is the PLC program still loaded?"),
    (0x700, "general device error", "the device refuses", ""),
    (0x701, "service not supported", "the device does not know this service", "an old or small device: it is asked in a simpler way where there is one"),
    (0x702, "invalid index group", "the device does not know this index group", "is `ams_port` a PLC runtime (801, 851, …) and not a system service?"),
    (0x703, "invalid index offset", "nothing lies at this address", "has the PLC program changed? the symbols are read again by themselves"),
    (0x704, "access not permitted", "the device does not allow this; for a route, user or password are wrong", "is the variable read-only? for a route: user and password of the device's operating system"),
    (0x705, "invalid size", "the length does not fit the variable", "has the PLC program changed? the symbols are read again by themselves"),
    (0x706, "invalid data", "the device does not take this value", "is it within the range of the variable?"),
    (0x707, "not ready", "the device is not ready", "is the PLC in RUN?"),
    (0x708, "busy", "the device is busy", "ask less: longer intervals, fewer datapoints"),
    (0x709, "invalid context", "the device cannot do this in its state", "is the PLC in RUN?"),
    (0x70A, "out of memory", "the device has no memory left", "restart TwinCAT on the device"),
    (0x70B, "invalid parameter", "a parameter is wrong", ""),
    (0x70C, "not found", "the device does not find it", ""),
    (0x70D, "syntax error", "the device cannot read the expression or the file", "is the name spelled right?"),
    (0x70E, "objects do not match", "the types do not match", "has the PLC program changed?"),
    (0x70F, "already there", "it exists already", ""),
    (0x710, "symbol not found", "the PLC program has no such variable", "is the name spelled right, and is the program loaded? a global variable of TwinCAT 2 begins with a dot"),
    (0x711, "symbol version invalid", "the PLC program has changed since", "the symbols are read again by themselves"),
    (0x712, "invalid state", "the device cannot do this in its state", "is the PLC in RUN?"),
    (0x713, "transmission mode not supported", "the device does not send values in this manner", "it is polled instead"),
    (0x714, "invalid notification handle", "the device does not know this notification", ""),
    (0x715, "notification client unknown", "the device does not know this client", ""),
    (0x716, "no more handles", "the device has no notification handles left", "close other ADS clients, or lower `max_notifications`; the rest is polled"),
    (0x717, "notification too large", "the value is too large to be sent by itself", "it is polled instead"),
    (0x718, "not initialised", "the device is not initialised", "start TwinCAT in RUN mode"),
    (0x719, "device timeout", "the device did not answer in time inside", "is the PLC overloaded?"),
    (0x71A, "interface not found", "the device has no such interface", ""),
    (0x71B, "invalid interface", "the interface is wrong", ""),
    (0x71C, "invalid class", "the class is wrong", ""),
    (0x71D, "invalid object", "the object is wrong", ""),
    (0x71E, "pending", "the request is still being worked on", ""),
    (0x71F, "aborted", "the request was broken off", ""),
    (0x720, "warning", "the device warns", ""),
    (0x721, "invalid array index", "the index lies outside of the array", "count from the lower bound that the tree shows"),
    (0x722, "symbol not active", "the variable is not active", "is the PLC in RUN?"),
    (0x723, "access denied", "the device does not allow this", "is the variable read-only?"),
    (0x724, "no licence", "a licence is missing on the device", "check the TwinCAT licences of the device; trial licences last seven days"),
    (0x725, "licence expired", "a licence has run out on the device", "renew the TwinCAT licence"),
    (0x726, "licence exceeded", "a licence does not suffice", "check the TwinCAT licences"),
    (0x727, "licence invalid", "a licence is wrong", "check the TwinCAT licences"),
    (0x72A, "licence not yet valid", "a licence begins later", "check the clock of the device"),
    (0x730, "exception", "the PLC program ended with an exception", "look into the device's log, then start the PLC anew"),
    (0x740, "client error", "the request was wrong before it was sent", ""),
    (0x741, "invalid service parameter", "the request was wrong before it was sent", ""),
    (0x742, "polling list empty", "there is nothing to poll", ""),
    (0x743, "connection in use", "the connection is in use", ""),
    (0x744, "invoke id in use", "the number of the request is in use", ""),
    (0x745, "timeout", "no answer came in time (1861)", "is the device on, is there a route on it to this machine, and is no firewall between them (TCP 48898)?"),
    (0x746, "Win32 error", "the operating system failed", ""),
    (0x747, "invalid client timeout", "the time-out is wrong", ""),
    (0x748, "port not open", "the AMS port is not open", "start TwinCAT on the device, then connect again"),
    (0x749, "no AMS address", "the AMS address is missing", "set `ams_net_id` and `ams_port`"),
    (0x750, "internal sync error", "the client failed inside", ""),
    (0x751, "hash table overflow", "the device does not know this handle", ""),
    (0x752, "key not found", "the device does not find it", ""),
    (0x753, "no symbols", "the PLC program has no symbols", "let TwinCAT create symbols (TwinCAT 2: project options, symbol download), or give a `.tpy` file"),
    (0x754, "invalid response", "the answer was wrong", ""),
    (0x755, "port locked", "the AMS port is locked", ""),
    (0x1000, "real-time error", "the real-time part failed", "restart TwinCAT on the device"),
    (0x274C, "connection timed out", "the network gave no answer (10060)", "is the device on and reachable?"),
    (0x274D, "connection refused", "nobody listens (10061)", "does TwinCAT run on the device?"),
    (0x2751, "host unreachable", "no way to the host (10065)", "is the device on and reachable?"),
];

impl AdsCode {
    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.0 == self.0)
    }

    /// The short name.
    pub fn name(self) -> &'static str {
        self.row().map_or("unknown ADS error", |row| row.1)
    }

    /// What it means, in a sentence.
    pub fn meaning(self) -> &'static str {
        self.row().map_or("the device says no, with a code that is not known here", |row| row.2)
    }

    /// What to try.
    pub fn hint(self) -> Option<&'static str> {
        self.row().map(|row| row.3).filter(|hint| !hint.is_empty())
    }

    /// Whether the device cannot do this at all, so that a simpler way is to be tried.
    pub fn is_unsupported(self) -> bool {
        matches!(self.0, 0x008 | 0x00B | 0x700..=0x704 | 0x70B)
    }
}

/// `0x710 symbol not found: the PLC program has no such variable`.
impl fmt::Display for AdsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} {}: {}", self.0, self.name(), self.meaning())
    }
}

/// The name of an ADS state.
pub fn state_name(ads: u16) -> &'static str {
    const NAMES: [&str; 20] = [
        "INVALID",
        "IDLE",
        "RESET",
        "INIT",
        "START",
        "RUN",
        "STOP",
        "SAVECFG",
        "LOADCFG",
        "POWERFAILURE",
        "POWERGOOD",
        "ERROR",
        "SHUTDOWN",
        "SUSPEND",
        "RESUME",
        "CONFIG",
        "RECONFIG",
        "STOPPING",
        "INCOMPATIBLE",
        "EXCEPTION",
    ];
    NAMES.get(usize::from(ads)).copied().unwrap_or("UNKNOWN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_name_and_a_meaning_of_its_own_number() {
        let mut numbers: Vec<u32> = ROWS.iter().map(|row| row.0).collect();
        assert!(numbers.is_sorted(), "the table is in order");
        numbers.dedup();
        assert_eq!(numbers.len(), ROWS.len(), "no number stands twice");
        assert!(ROWS.iter().all(|row| !row.1.is_empty() && !row.2.is_empty()));
    }

    #[test]
    fn what_people_meet_has_a_hint() {
        for code in [0x006, 0x007, 0x702, 0x703, 0x704, 0x710, 0x711, 0x716, 0x745, 0x748, 0x753] {
            assert!(AdsCode(code).hint().is_some(), "{code:#x}");
        }
        assert_eq!(AdsCode(0x710).to_string(), "0x710 symbol not found: the PLC program has no such variable");
        assert_eq!(AdsCode(0x9999).to_string().split(':').next(), Some("0x9999 unknown ADS error"));
        assert_eq!((state_name(5), state_name(15), state_name(999)), ("RUN", "CONFIG", "UNKNOWN"));
    }
}
