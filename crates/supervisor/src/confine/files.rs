//! Landlock: which files a plugin can open, and that its signals reach nobody outside.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::Orders;

/// The rights that are asked for; an older kernel holds those that it knows.
const ASKED: ABI = ABI::V6;

/// What every program needs to start, to resolve names, to know the time and to check certificates.
const SYSTEM: [&str; 9] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    // Others' entries stay shut: Landlock lets nobody look into a process outside.
    "/proc",
    "/sys",
    // Where the file behind /etc/resolv.conf lies, which is replaced as networks come and go.
    "/run/systemd/resolve",
];

/// Of `/etc`, what is nobody's secret.
const ETC: [&str; 27] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/locale.alias",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/timezone",
];

/// Also read, and with a rule of their own since they are replaced by a rename.
const ALSO: [&str; 5] =
    ["/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/run/NetworkManager", "/run/resolvconf", "/run/nscd"];

/// Devices that are nobody's.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Shuts everything that the orders do not name. Returns the version of Landlock that holds it.
pub(super) fn restrict(orders: &Orders) -> Result<u32, String> {
    match apply(orders) {
        Err(error) => Err(error.to_string()),
        Ok((RulesetStatus::NotEnforced, LandlockStatus::NotEnabled)) => {
            Err("Landlock is built into this kernel and not switched on (lsm=landlock)".into())
        }
        Ok((RulesetStatus::NotEnforced, _)) => Err("this kernel knows no Landlock (it came with Linux 5.13)".into()),
        Ok((_, LandlockStatus::Available { effective_abi, kernel_abi })) => {
            Ok(kernel_abi.and_then(|abi| u32::try_from(abi).ok()).unwrap_or(effective_abi as u32))
        }
        Ok(_) => Err("the kernel does not say what it holds".into()),
    }
}

fn apply(orders: &Orders) -> Result<(RulesetStatus, LandlockStatus), RulesetError> {
    let reads = AccessFs::from_read(ASKED);
    let all = AccessFs::from_all(ASKED);
    let own: BitFlags<AccessFs> = all & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock);
    let named: BitFlags<AccessFs> = all & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all)?;
    if !orders.network {
        ruleset = ruleset.handle_access(AccessNet::from_all(ASKED))?;
    }
    let ruleset = ruleset.scope(Scope::from_all(ASKED))?.create()?;
    let ruleset = ruleset
        .add_rules(path_beneath_rules(SYSTEM, reads))?
        .add_rules(path_beneath_rules(ETC, reads))?
        .add_rules(path_beneath_rules(ALSO, reads))?
        .add_rules(path_beneath_rules(DEVICES, AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev))?
        .add_rules(path_beneath_rules(&orders.read, reads))?
        .add_rules(path_beneath_rules(&orders.write, named))?
        .add_rules(path_beneath_rules(orders.own.as_slice(), own))?;
    let status = ruleset.restrict_self()?;
    Ok((status.ruleset, status.landlock))
}
