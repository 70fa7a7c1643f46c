//! Control groups: the kernel keeps an instance within its limits by itself. Version 2 where it is delegated to the daemon,
//! version 1 where only that is there; where neither is, the watcher does it.
//!
//! Each instance gets a folder of its own below one of this house; both are removed when they are empty.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::page::{PAGE, Page};
use super::text::{self, Mount};
use super::tree::short;
use crate::limits::{CYCLE, Limits, Priority};

/// What the kernel takes as the least quota of a cycle of 100 ms, in microseconds.
const LEAST_QUOTA_US: u128 = 1000;

/// A controller that can be used, with the folder of this house in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Controller {
    is_v2: bool,
    house: PathBuf,
}

/// The controllers that can be used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cgroups {
    processor: Option<Controller>,
    /// Counts processor time; in version 1 a hierarchy of its own where it is not the same as `processor`.
    accounting: Option<Controller>,
    memory: Option<Controller>,
    processes: Option<Controller>,
}

impl Cgroups {
    /// None: the watcher does everything.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// What this machine has and this user may use, for the house with this name.
    pub(crate) fn find(house: &str) -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self::among(&text::mounts(&read("/proc/self/mounts")), &read("/proc/self/cgroup"), house)
    }

    fn among(mounts: &[Mount], own: &str, house: &str) -> Self {
        let name = format!("fieldrail-{house}");
        if let Some(delegated) = mounts.iter().find(|mount| mount.is_v2).and_then(|mount| v2(mount, own, &name)) {
            return delegated;
        }
        let v1 = |controller: &str| {
            let mount =
                mounts.iter().find(|mount| !mount.is_v2 && mount.options.iter().any(|one| one == controller))?;
            let top = Path::new(&mount.folder);
            let below = text::own_path(own, Some(controller)).unwrap_or("/").trim_start_matches('/');
            // In a container the own path may be that of the machine outside.
            let own = Some(top.join(below)).filter(|own| own.is_dir()).unwrap_or_else(|| top.to_owned());
            usable(Controller { is_v2: false, house: own.join(&name) })
        };
        Self { processor: v1("cpu"), accounting: v1("cpuacct"), memory: v1("memory"), processes: v1("pids") }
    }

    /// Makes the group of an instance. What is left of a former one is used again.
    pub(crate) fn group(&self, instance: &str) -> Group {
        let folder = |controller: &Option<Controller>| {
            let controller = controller.as_ref()?;
            let folder = controller.house.join(instance);
            fs::create_dir_all(&folder).ok().map(|()| (controller.is_v2, folder))
        };
        Group {
            processor: folder(&self.processor),
            accounting: folder(&self.accounting),
            memory: folder(&self.memory),
            processes: folder(&self.processes),
            usage: None,
        }
    }

    /// Removes the folder of this house with what former daemons left in it, as far as it is empty. True if nothing is left.
    pub(crate) fn clear(&self) -> bool {
        let mut all = true;
        for controller in [&self.processor, &self.accounting, &self.memory, &self.processes].into_iter().flatten() {
            for entry in fs::read_dir(&controller.house).into_iter().flatten().flatten() {
                let _ = fs::remove_dir(entry.path());
            }
            all &= fs::remove_dir(&controller.house).is_ok() || !controller.house.exists();
        }
        all
    }
}

/// A folder for this house can be made and used.
fn usable(controller: Controller) -> Option<Controller> {
    match fs::create_dir(&controller.house) {
        Ok(()) => Some(controller),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Some(controller),
        Err(_) => None,
    }
}

/// Version 2, if both controllers are handed down to us. A group with processes of its own may hand nothing down, so the
/// daemon first goes into a group beside those of its instances.
fn v2(mount: &Mount, own: &str, name: &str) -> Option<Cgroups> {
    let own = Path::new(&mount.folder).join(text::own_path(own, None)?.trim_start_matches('/'));
    let handed = fs::read_to_string(own.join("cgroup.controllers")).ok()?;
    let has = |wanted| handed.split_whitespace().any(|one| one == wanted);
    if !has("cpu") || !has("memory") {
        return None;
    }
    let daemon = own.join(format!("{name}-daemon"));
    let _ = fs::create_dir(&daemon);
    fs::write(daemon.join("cgroup.procs"), std::process::id().to_string()).ok()?;
    // Where the number of processes cannot be handed down, the watcher counts them.
    let wanted = if has("pids") { "+cpu +memory +pids" } else { "+cpu +memory" };
    fs::write(own.join("cgroup.subtree_control"), wanted).ok()?;
    let house = usable(Controller { is_v2: true, house: own.join(name) })?;
    fs::write(house.house.join("cgroup.subtree_control"), wanted).ok()?;
    let [processor, accounting, memory] = [(); 3].map(|()| Some(house.clone()));
    Some(Cgroups { processor, accounting, memory, processes: has("pids").then_some(house) })
}

/// The group of one instance.
#[derive(Debug, Default)]
pub(crate) struct Group {
    processor: Option<(bool, PathBuf)>,
    accounting: Option<(bool, PathBuf)>,
    memory: Option<(bool, PathBuf)>,
    processes: Option<(bool, PathBuf)>,
    usage: Option<Page>,
}

impl Group {
    /// The files into which a new process writes itself, before it is anything else.
    pub(crate) fn entrances(&self) -> Vec<File> {
        let mut folders: Vec<&PathBuf> = self.folders().collect();
        folders.dedup();
        folders.iter().filter_map(|folder| File::options().write(true).open(folder.join("cgroup.procs")).ok()).collect()
    }

    fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        let all = [&self.processor, &self.accounting, &self.memory, &self.processes];
        all.into_iter().flatten().map(|(_, folder)| folder)
    }

    /// What holds the processor time: `cgroup_v2`, `cgroup_v1`, or none.
    pub(crate) fn holds_processor(&self) -> Option<&'static str> {
        self.processor.as_ref().map(version)
    }

    /// The same for memory.
    pub(crate) fn holds_memory(&self) -> Option<&'static str> {
        self.memory.as_ref().map(version)
    }

    /// The same for the number of processes and threads.
    pub(crate) fn holds_processes(&self) -> Option<&'static str> {
        self.processes.as_ref().map(version)
    }

    /// Takes limits into force. What the kernel refuses is left to the watcher: that controller counts as not there.
    pub(crate) fn limit(&mut self, limits: &Limits) {
        if self.memory.as_ref().is_some_and(|place| limit_memory(place, limits.memory_bytes).is_err()) {
            self.memory = None;
        }
        let most = limits.processes.map_or("max".into(), |most| most.to_string());
        if self.processes.as_ref().is_some_and(|(_, folder)| fs::write(folder.join("pids.max"), most).is_err()) {
            self.processes = None;
        }
        if !self.share(limits.cpu_share) {
            self.processor = None;
        }
        if let Some(place) = &self.processor {
            let _ = weigh(place, limits.priority);
        }
    }

    /// Sets the share of one core. False where that is not in the kernel's hands.
    pub(crate) fn share(&self, share: Option<f64>) -> bool {
        let Some((is_v2, folder)) = &self.processor else { return false };
        let cycle = CYCLE.as_micros();
        let quota = share.map(|share| CYCLE.mul_f64(share).as_micros().max(LEAST_QUOTA_US));
        if *is_v2 {
            let quota = quota.map_or("max".into(), |quota| quota.to_string());
            return fs::write(folder.join("cpu.max"), format!("{quota} {cycle}")).is_ok();
        }
        let quota = quota.map_or("-1".into(), |quota| quota.to_string());
        fs::write(folder.join("cpu.cfs_period_us"), cycle.to_string()).is_ok()
            && fs::write(folder.join("cpu.cfs_quota_us"), quota).is_ok()
    }

    /// The processes in it; none where there is no group.
    pub(crate) fn members(&self) -> Option<Vec<u32>> {
        let folder = self.folders().next()?;
        let file = folder.join("cgroup.procs");
        let mut list = short(&file)?;
        if list.len() > PAGE / 2 {
            list = fs::read_to_string(file).ok()?;
        }
        Some(text::numbers(&list).filter(|&pid| pid != 0).collect())
    }

    /// Processor time of all that ever was in it.
    pub(crate) fn processor_time(&mut self) -> Option<Duration> {
        let (is_v2, folder) = self.accounting.as_ref()?;
        let file = if *is_v2 { "cpu.stat" } else { "cpuacct.usage" };
        let text = self.usage.get_or_insert_with(|| Page::new(folder.join(file))).read()?;
        if *is_v2 {
            return text::keyed(&text, "usage_usec").map(Duration::from_micros);
        }
        text.trim().parse().ok().map(Duration::from_nanos)
    }

    /// How often, and how long in all, it was held back.
    pub(crate) fn held_back(&self) -> Option<(u64, Duration)> {
        let (_, folder) = self.processor.as_ref()?;
        text::held_back(&short(folder.join("cpu.stat"))?)
    }

    /// How many of its processes the kernel has ended for want of memory.
    pub(crate) fn out_of_memory(&self) -> Option<u64> {
        let (is_v2, folder) = self.memory.as_ref()?;
        let file = if *is_v2 { "memory.events" } else { "memory.oom_control" };
        text::keyed(&short(folder.join(file))?, "oom_kill")
    }

    /// How often it was refused one more process or thread.
    pub(crate) fn refused_processes(&self) -> Option<u64> {
        let (_, folder) = self.processes.as_ref()?;
        text::keyed(&short(folder.join("pids.events"))?, "max")
    }

    /// Removes the folders, if they are empty.
    pub(crate) fn remove(&self) {
        for folder in self.folders() {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn version((is_v2, _): &(bool, PathBuf)) -> &'static str {
    if *is_v2 { "cgroup_v2" } else { "cgroup_v1" }
}

fn limit_memory((is_v2, folder): &(bool, PathBuf), bytes: Option<u64>) -> io::Result<()> {
    if !is_v2 {
        let bytes = bytes.map_or("-1".into(), |bytes| bytes.to_string());
        // The limit on memory and swap together may not lie below the one on memory; where swap is not counted there is none.
        let _ = fs::write(folder.join("memory.memsw.limit_in_bytes"), "-1");
        fs::write(folder.join("memory.limit_in_bytes"), &bytes)?;
        let _ = fs::write(folder.join("memory.memsw.limit_in_bytes"), &bytes);
        return Ok(());
    }
    let bytes = bytes.map_or("max".into(), |bytes| bytes.to_string());
    fs::write(folder.join("memory.max"), bytes)?;
    let _ = fs::write(folder.join("memory.swap.max"), "0");
    let _ = fs::write(folder.join("memory.oom.group"), "1");
    Ok(())
}

fn weigh((is_v2, folder): &(bool, PathBuf), priority: Priority) -> io::Result<()> {
    let shares = priority.shares();
    if *is_v2 {
        return fs::write(folder.join("cpu.weight"), (shares * 100 / 1024).max(1).to_string());
    }
    fs::write(folder.join("cpu.shares"), shares.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(folder: &Path, options: &[&str]) -> Mount {
        let options: Vec<String> = options.iter().map(|&option| option.into()).collect();
        Mount { folder: folder.to_str().unwrap().into(), is_v2: options.is_empty(), options }
    }

    fn text_of(folder: &Path, file: &str) -> String {
        fs::read_to_string(folder.join(file)).unwrap_or_default()
    }

    const LIMITS: Limits = Limits {
        memory_bytes: Some(64 << 20),
        cpu_share: Some(0.25),
        max_pps: None,
        processes: Some(9),
        open_files: None,
        disk_bytes: None,
        priority: Priority::Low,
    };

    #[test]
    fn version_2_is_used_where_both_controllers_are_handed_down() {
        let top = tempfile::tempdir().unwrap();
        let own = top.path().join("system.slice/fieldrail.service");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("cgroup.controllers"), "cpu io memory pids\n").unwrap();
        let found = Cgroups::among(&[mount(top.path(), &[])], "0::/system.slice/fieldrail.service\n", "h");
        assert_eq!(text_of(&own, "cgroup.subtree_control"), "+cpu +memory +pids");
        assert_eq!(text_of(&own, "fieldrail-h-daemon/cgroup.procs"), std::process::id().to_string());
        let mut group = found.group("plc_001");
        group.limit(&LIMITS);
        let folder = own.join("fieldrail-h/plc_001");
        assert_eq!(text_of(&folder, "cpu.max"), "25000 100000");
        assert_eq!(text_of(&folder, "cpu.weight"), "25");
        assert_eq!(text_of(&folder, "memory.max"), (64 << 20).to_string());
        assert_eq!((group.holds_memory(), group.holds_processor()), (Some("cgroup_v2"), Some("cgroup_v2")));
        assert_eq!((text_of(&folder, "pids.max").as_str(), group.holds_processes()), ("9", Some("cgroup_v2")));
        fs::write(folder.join("pids.events"), "max 3\n").unwrap();
        assert_eq!(group.refused_processes(), Some(3));
        fs::write(folder.join("memory.events"), "oom 1\noom_kill 1\n").unwrap();
        fs::write(folder.join("cpu.stat"), "usage_usec 7\nnr_throttled 1\nthrottled_usec 2\n").unwrap();
        assert_eq!(group.out_of_memory(), Some(1));
        assert_eq!(group.processor_time(), Some(Duration::from_micros(7)));
        group.limit(&Limits::default());
        assert_eq!(text_of(&folder, "cpu.max"), "max 100000");
        assert_eq!(text_of(&folder, "memory.max"), "max");
    }

    #[test]
    fn version_1_is_used_where_version_2_has_no_controllers() {
        let top = tempfile::tempdir().unwrap();
        for name in ["cpu", "memory", "unified", "memory/box"] {
            fs::create_dir(top.path().join(name)).unwrap();
        }
        let of = |name: &str, options| mount(&top.path().join(name), options);
        let mounts = [of("unified", &[]), of("cpu", &["rw", "cpu"]), of("memory", &["rw", "memory"])];
        let found = Cgroups::among(&mounts, "4:memory:/box\n1:cpu:/not/there\n0::/\n", "h");
        let mut group = found.group("x");
        group.limit(&LIMITS);
        let (cpu, memory) = (top.path().join("cpu/fieldrail-h/x"), top.path().join("memory/box/fieldrail-h/x"));
        assert_eq!(text_of(&cpu, "cpu.cfs_quota_us"), "25000");
        assert_eq!(text_of(&cpu, "cpu.shares"), "256");
        assert_eq!(text_of(&memory, "memory.limit_in_bytes"), (64 << 20).to_string());
        assert_eq!((group.holds_memory(), group.holds_processor()), (Some("cgroup_v1"), Some("cgroup_v1")));
        assert_eq!(group.processor_time(), None);
    }

    #[test]
    fn without_control_groups_nothing_is_held_and_nothing_breaks() {
        let mut group = Cgroups::among(&[], "0::/\n", "h").group("x");
        group.limit(&LIMITS);
        assert_eq!((group.holds_memory(), group.holds_processor(), group.members()), (None, None, None));
        assert_eq!(group.entrances().len(), 0);
        assert!(!group.share(Some(0.1)));
    }
}
