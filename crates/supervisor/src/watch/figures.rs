//! Figures from readings: rates from two of them, sums over sockets that come and go. Pure but for the proportional memory.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Machine;
use crate::metrics::{Metrics, Network};
use crate::process::tree::{self, Reading};

/// Between two measurements of proportional memory: it costs the kernel a walk through all pages.
const PROPORTIONAL: Duration = Duration::from_secs(30);

/// What is known of the readings before.
#[derive(Debug, Default)]
pub(super) struct Figures {
    before: Option<(Instant, Duration)>,
    disk: (u64, u64),
    pss: Option<(Instant, Option<u64>)>,
    sockets: HashMap<u64, Network>,
    network: Network,
    talked: bool,
}

impl Figures {
    /// Takes a reading; none after the first one, since a rate needs two.
    pub(super) fn take(
        &mut self,
        now: Instant,
        pids: &[u32],
        reading: &Reading,
        processor: Duration,
        machine: &Machine,
    ) -> Option<Metrics> {
        let before = self.before.replace((now, processor));
        let (network, network_note) = self.network(reading, machine);
        let (at, processor_before) = before?;
        if self.pss.is_none_or(|(at, _)| now.saturating_duration_since(at) >= PROPORTIONAL) {
            self.pss = Some((now, tree::proportional(pids)));
        }
        let passed = now.saturating_duration_since(at);
        // A child that was ended and not awaited takes its figures with it; what was counted stays.
        self.disk = reading.disk.map_or(self.disk, |(read, written)| (read.max(self.disk.0), written.max(self.disk.1)));
        Some(Metrics {
            cpu_percent: percent(processor.saturating_sub(processor_before), passed),
            memory_bytes: reading.resident_bytes,
            memory_percent: reading.resident_bytes as f64 * 100.0 / machine.memory_bytes.max(1) as f64,
            pss_bytes: self.pss.and_then(|(_, bytes)| bytes),
            disk_read_bytes: reading.disk.map(|_| self.disk.0),
            disk_written_bytes: reading.disk.map(|_| self.disk.1),
            network,
            network_note,
            processes: reading.processes,
            threads: reading.threads,
            open_files: reading.open_files,
            throttled_percent: 0.0,
            cycles: None,
        })
    }

    /// Adds up what its sockets counted since the last time.
    fn network(&mut self, reading: &Reading, machine: &Machine) -> (Option<Network>, Option<String>) {
        let sockets = match &machine.sockets {
            Ok(sockets) => sockets,
            Err(reason) => return (None, Some(reason.clone())),
        };
        if reading.open_files.is_none() {
            return (None, Some("its sockets cannot be seen".into()));
        }
        let mut present = HashMap::new();
        for inode in &reading.sockets {
            let Some(socket) = sockets.tcp.get(inode) else { continue };
            // The same socket may have several descriptors.
            if present.insert(socket.cookie, socket.counted).is_none() {
                let before = self.sockets.get(&socket.cookie).copied().unwrap_or_default();
                add(&mut self.network, &socket.counted, &before);
                self.talked = true;
            }
        }
        self.sockets = present;
        let udp = reading.sockets.iter().filter(|inode| sockets.udp.contains(inode)).count();
        match (udp, self.talked) {
            (0, _) => (Some(self.network), None),
            (udp, true) => (Some(self.network), Some(format!("TCP only; {udp} UDP sockets are not counted"))),
            (udp, false) => (None, Some(format!("it has {udp} UDP sockets, and the kernel counts TCP only"))),
        }
    }
}

fn add(sum: &mut Network, now: &Network, before: &Network) {
    sum.packets_sent += now.packets_sent.saturating_sub(before.packets_sent);
    sum.packets_received += now.packets_received.saturating_sub(before.packets_received);
    sum.bytes_sent += now.bytes_sent.saturating_sub(before.bytes_sent);
    sum.bytes_received += now.bytes_received.saturating_sub(before.bytes_received);
}

/// A part of a time in per cent.
pub(super) fn percent(part: Duration, of: Duration) -> f64 {
    if of.is_zero() { 0.0 } else { part.as_secs_f64() * 100.0 / of.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::process::{Sockets, TcpSocket};

    fn machine(sockets: Result<Sockets, String>) -> Machine {
        Machine { cores: 2, memory_bytes: 1000 << 20, sockets }
    }

    fn tcp(inode: u32, cookie: u64, sent: u64) -> (u32, TcpSocket) {
        let counted = Network { packets_sent: sent, bytes_sent: sent * 100, ..Network::default() };
        (inode, TcpSocket { inode, cookie, counted })
    }

    fn reading(sockets: &[u32]) -> Reading {
        Reading { resident_bytes: 50 << 20, open_files: Some(9), sockets: sockets.to_vec(), ..Reading::default() }
    }

    #[test]
    fn rates_come_from_two_readings_and_the_time_between_them() {
        let mut figures = Figures::default();
        let (begun, machine) = (Instant::now(), machine(Ok(Sockets::default())));
        let second = Duration::from_secs(1);
        assert_eq!(figures.take(begun, &[], &reading(&[]), second, &machine), None);
        let disk = Some((4096, 100));
        let now = Reading { disk, ..reading(&[]) };
        let first = figures.take(begun + second * 2, &[], &now, second + second / 2, &machine).unwrap();
        assert!((first.cpu_percent - 25.0).abs() < 1e-9, "{first:?}");
        assert!((first.memory_percent - 5.0).abs() < 1e-9, "{first:?}");
        let lost = Reading { disk: Some((0, 120)), ..reading(&[]) };
        let next = figures.take(begun + second * 3, &[], &lost, second, &machine).unwrap();
        assert_eq!((next.disk_read_bytes, next.disk_written_bytes), (Some(4096), Some(120)));
        assert!(next.cpu_percent.abs() < 1e-9, "a sum that fell is no time");
    }

    #[test]
    fn sockets_that_come_and_go_are_added_up_and_none_counts_twice() {
        let mut figures = Figures::default();
        let mut sent = |inodes: &[u32], tcp: Vec<(u32, TcpSocket)>| {
            let sockets = Sockets { tcp: tcp.into_iter().collect(), udp: HashSet::new() };
            figures.network(&reading(inodes), &machine(Ok(sockets))).0.unwrap().packets_sent
        };
        assert_eq!(sent(&[1], vec![tcp(1, 100, 5), tcp(9, 900, 77)]), 5);
        assert_eq!(sent(&[1, 1, 2], vec![tcp(1, 100, 8), tcp(2, 200, 10)]), 18);
        assert_eq!(sent(&[], vec![]), 18);
        // The kernel gives the inode away again; the socket is another one.
        assert_eq!(sent(&[1], vec![tcp(1, 300, 2)]), 20);
    }

    #[test]
    fn what_cannot_be_measured_has_a_reason_and_no_number() {
        let udp = || Sockets { tcp: HashMap::new(), udp: HashSet::from([4]) };
        let mut figures = Figures::default();
        let (network, note) = figures.network(&reading(&[4]), &machine(Ok(udp())));
        assert_eq!((network, note.as_deref()), (None, Some("it has 1 UDP sockets, and the kernel counts TCP only")));
        let (network, note) = figures.network(&reading(&[4]), &machine(Err("no".into())));
        assert_eq!((network, note.as_deref()), (None, Some("no")));
        let mixed = Sockets { tcp: [tcp(1, 100, 5)].into(), ..udp() };
        let (network, note) = figures.network(&reading(&[1, 4]), &machine(Ok(mixed)));
        assert_eq!(network.unwrap().packets_sent, 5);
        assert_eq!(note.as_deref(), Some("TCP only; 1 UDP sockets are not counted"));
    }
}
