//! Rights of the process itself: no new ones, few of root's, and limits on descriptors and files.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

use super::Orders;

/// The highest number a capability has had so far, and room for those to come.
const CAPABILITIES: u32 = 64;

/// Descriptors, the size of a file, and no core dumps.
pub(super) fn limit(orders: &Orders) -> io::Result<()> {
    cap(Resource::Core, 0)?;
    orders.open_files.map_or(Ok(()), |most| cap(Resource::Nofile, most))?;
    orders.file_bytes.map_or(Ok(()), |most| cap(Resource::Fsize, most))
}

/// Lowers a limit for good; one that is lower already stays.
fn cap(resource: Resource, most: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(most, |before| before.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// Neither a set-user-ID program nor one with file capabilities gives it more than it has.
pub(super) fn no_new_privileges() -> io::Result<()> {
    Ok(set_no_new_privs(true)?)
}

/// Of root's rights one stays, with a network: to listen on a port below 1024.
pub(super) fn give_up(network: bool) -> io::Result<()> {
    let kept = if network { CapabilitySet::NET_BIND_SERVICE } else { CapabilitySet::empty() };
    let before = capabilities(None)?;
    if before.permitted.contains(CapabilitySet::SETPCAP) {
        for number in 0..CAPABILITIES {
            let one = CapabilitySet::from_bits_retain(1 << number);
            if !kept.contains(one) {
                // One that this kernel does not know is not there to be given up.
                let _ = remove_capability_from_bounding_set(one);
            }
        }
    }
    let left = before.permitted & kept;
    Ok(set_capabilities(
        None,
        CapabilitySets { effective: left, permitted: left, inheritable: CapabilitySet::empty() },
    )?)
}
