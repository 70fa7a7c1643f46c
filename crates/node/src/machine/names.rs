//! What the box is called, and by which addresses it can be reached.

use std::fs::read_to_string;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a machine is, in the words of its operating system; empty where that says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineNames {
    /// What it is called.
    pub host: String,
    /// The kernel.
    pub kernel: String,
    /// Cores that this process may use.
    pub cores: usize,
}

/// What this machine is.
pub fn machine_names() -> MachineNames {
    let kernel = format!("{} {}", line("/proc/sys/kernel/ostype"), line("/proc/sys/kernel/osrelease"));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    MachineNames { host: line("/proc/sys/kernel/hostname"), kernel: kernel.trim().into(), cores }
}

fn line(path: &str) -> String {
    read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The names of this machine: what it is called, with and without `.local`, those it was given, and its addresses.
pub(crate) fn names(given: &[String]) -> Vec<String> {
    let read = |path: &str| read_to_string(path).unwrap_or_default();
    let host = line("/proc/sys/kernel/hostname").to_lowercase();
    let mut names = vec!["localhost".to_owned()];
    if !host.is_empty() && host != "localhost" {
        names.push(host.clone());
        if !host.contains('.') {
            names.push(format!("{host}.local"));
        }
    }
    names.extend(given.iter().cloned());
    let addresses = ipv4(&read("/proc/net/fib_trie")).into_iter().map(IpAddr::from);
    let addresses = addresses.chain(ipv6(&read("/proc/net/if_inet6")).into_iter().map(IpAddr::from));
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
    names.extend(loopback.into_iter().chain(addresses).map(|address| address.to_string()));
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// This machine's own addresses in `/proc/net/fib_trie`: each stands on the line before its `/32 host LOCAL`.
fn ipv4(trie: &str) -> Vec<Ipv4Addr> {
    let lines: Vec<&str> = trie.lines().map(str::trim).collect();
    let own = lines.windows(2).filter(|pair| pair[1].starts_with("/32 host LOCAL"));
    let mut found: Vec<Ipv4Addr> = own.filter_map(|pair| pair[0].strip_prefix("|--")?.trim().parse().ok()).collect();
    found.sort();
    found.dedup();
    found.retain(|address| !address.is_loopback());
    found
}

/// This machine's own addresses in `/proc/net/if_inet6`, but for those that need the name of an interface beside them.
fn ipv6(table: &str) -> Vec<Ipv6Addr> {
    let bits = table.lines().filter_map(|line| u128::from_str_radix(line.split_whitespace().next()?, 16).ok());
    bits.map(Ipv6Addr::from).filter(|address| !address.is_loopback() && !address.is_unicast_link_local()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_tell_the_addresses_of_this_machine() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.168.2.0\n        \
            /24 link UNICAST\n        |-- 192.168.2.7\n           /32 host LOCAL\n";
        assert_eq!(ipv4(&trie.repeat(2)), [Ipv4Addr::new(192, 168, 2, 7)]);
        let table = "00000000000000000000000000000001 01 80 10 80       lo\n\
            fd120000000000000000000000000007 02 40 00 00     eth0\nfe800000000000000000000000000007 02 40 20 80     eth0\n";
        assert_eq!(ipv6(table), ["fd12::7".parse::<Ipv6Addr>().unwrap()]);
        assert_eq!((ipv4("garbage\n/32 host LOCAL"), ipv6("garbage")), (vec![], vec![]));
    }
}
