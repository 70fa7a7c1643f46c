//! seccomp: system calls that no plugin needs. They fail with `EPERM`, so that an odd but harmless try ends nothing.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter, sock_filter,
};

use super::Orders;

/// They change the machine, its clock, its mounts or its kernel, look into other processes, or go round these walls.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_nfsservctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// The same, of this processor only.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = &[libc::SYS_ioperm, libc::SYS_iopl, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// Calls that make a process and never a thread.
#[cfg(target_arch = "x86_64")]
const FORKS: &[libc::c_long] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const FORKS: &[libc::c_long] = &[];

/// New namespaces, in the flags of `clone`.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

/// Families of sockets that one with a network gets. Raw frames and the kernel's own families are not among them.
const FAMILIES: [libc::c_int; 6] =
    [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_CAN, libc::AF_BLUETOOTH];

/// From this number on x86-64 has its calls a second time, for programs with short pointers.
#[cfg(target_arch = "x86_64")]
const SHORT_POINTERS: u32 = 0x4000_0000;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refuses them from now on, to this process and to those that it becomes or makes.
pub(super) fn refuse(orders: &Orders) -> Result<(), String> {
    let [not_there, refused] = filters(orders).map_err(|error| error.to_string())?;
    apply_filter(&not_there).map_err(|error| error.to_string())?;
    apply_filter(&refused).map_err(|error| error.to_string())
}

fn filters(orders: &Orders) -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    // Its flags lie where a filter cannot look; every library then falls back to `clone`.
    let not_there = compile(Rules::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?;
    Ok([not_there, compile(rules(orders)?, libc::EPERM)?])
}

fn rules(orders: &Orders) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = REFUSED.iter().chain(REFUSED_HERE).map(|&call| (call, Vec::new())).collect();
    let argument = |value: libc::c_int, how: SeccompCmpOp| {
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, how, u64::from(value.unsigned_abs()))
    };
    let masked = |mask: libc::c_int, value| argument(value, SeccompCmpOp::MaskedEq(u64::from(mask.unsigned_abs())));
    let mut clones = Vec::new();
    for flag in NAMESPACES {
        clones.push(SeccompRule::new(vec![masked(flag, flag)?])?);
    }
    if !orders.children {
        clones.push(SeccompRule::new(vec![masked(libc::CLONE_THREAD, 0)?])?);
        rules.extend(FORKS.iter().map(|&call| (call, Vec::new())));
    }
    rules.insert(libc::SYS_clone, clones);
    let mut sockets = Vec::new();
    if orders.network {
        let others = FAMILIES.map(|family| argument(family, SeccompCmpOp::Ne));
        sockets.push(SeccompRule::new(others.into_iter().collect::<Result<_, _>>()?)?);
    }
    rules.insert(libc::SYS_socket, sockets);
    Ok(rules)
}

fn compile(rules: Rules, error: libc::c_int) -> Result<BpfProgram, seccompiler::BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let refusal = SeccompAction::Errno(error.unsigned_abs());
    let program: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, refusal, arch)?.try_into()?;
    Ok(without_short_pointers(program))
}

/// A list of numbers to refuse is no wall while each call has a second number.
#[cfg(target_arch = "x86_64")]
fn without_short_pointers(program: BpfProgram) -> BpfProgram {
    let word = |offset| sock_filter { code: 0x20, jt: 0, jf: 0, k: offset };
    // If the architecture is this one (else the program itself decides) and the number a second one: `EPERM`.
    let mut whole = vec![
        word(4),
        sock_filter { code: 0x15, jt: 0, jf: 3, k: 0xC000_003E },
        word(0),
        sock_filter { code: 0x35, jt: 0, jf: 1, k: SHORT_POINTERS },
        sock_filter { code: 0x06, jt: 0, jf: 0, k: 0x0005_0000 | libc::EPERM.unsigned_abs() },
    ];
    whole.extend(program);
    whole
}

#[cfg(not(target_arch = "x86_64"))]
fn without_short_pointers(program: BpfProgram) -> BpfProgram {
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(network: bool, children: bool) -> Rules {
        rules(&Orders { network, children, ..Orders::default() }).unwrap()
    }

    #[test]
    fn what_no_plugin_needs_is_refused_to_all() {
        for rules in [refused(false, false), refused(true, true)] {
            for call in [libc::SYS_clock_settime, libc::SYS_mount, libc::SYS_ptrace, libc::SYS_reboot, libc::SYS_bpf] {
                assert_eq!(rules.get(&call), Some(&Vec::new()), "refused whatever its arguments");
            }
            for call in [libc::SYS_execve, libc::SYS_read, libc::SYS_openat, libc::SYS_socketpair, libc::SYS_mmap] {
                assert!(!rules.contains_key(&call), "{call}");
            }
        }
    }

    #[test]
    fn sockets_and_children_are_refused_to_those_that_do_not_name_them() {
        assert_eq!(refused(false, false)[&libc::SYS_socket], [], "whatever the family");
        assert_eq!(refused(true, false)[&libc::SYS_socket].len(), 1);
        assert_eq!(refused(true, false)[&libc::SYS_clone].len(), NAMESPACES.len() + 1);
        assert_eq!(refused(true, true)[&libc::SYS_clone].len(), NAMESPACES.len());
    }

    #[test]
    fn the_filters_compile_and_are_short() {
        let [not_there, refused] = filters(&Orders::default()).unwrap();
        assert!(not_there.len() < 20 && refused.len() < 600, "{} {}", not_there.len(), refused.len());
    }
}
