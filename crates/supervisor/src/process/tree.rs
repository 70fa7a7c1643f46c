//! The processes of one instance, and what the kernel says of them.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal};

use super::page::{PAGE, Page};
use super::text::{self, Stat};

/// Processes of one instance that are looked at; what a fork bomb makes beyond that is only ended with the rest.
const MOST: usize = 2000;

/// Between two looks new children may come; so often they are looked for before it is let be.
const ROUNDS: usize = 5;

/// A look at the processes of this machine. All of them are read only if somebody asks for a tree.
#[derive(Debug, Default)]
pub(crate) struct Look {
    table: OnceCell<Table>,
}

impl Look {
    /// This process, its descendants, and whoever else is in its session.
    pub(crate) fn tree(&self, root: u32) -> Vec<u32> {
        self.table.get_or_init(Table::scan).tree(root)
    }

    /// What is known of a process already.
    fn stat(&self, pid: u32) -> Option<Stat> {
        self.table.get()?.stats.get(&pid).copied()
    }
}

/// All processes of this machine at one moment.
#[derive(Debug, Default)]
struct Table {
    stats: HashMap<u32, Stat>,
    children: HashMap<u32, Vec<u32>>,
}

impl Table {
    /// Reads `/proc`.
    fn scan() -> Self {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        Self::new(numbers.filter_map(|pid| Some((pid, stat_of(pid)?))))
    }

    fn new(stats: impl Iterator<Item = (u32, Stat)>) -> Self {
        let mut table = Self::default();
        for (pid, stat) in stats {
            table.children.entry(stat.parent).or_default().push(pid);
            table.stats.insert(pid, stat);
        }
        table
    }

    fn tree(&self, root: u32) -> Vec<u32> {
        let in_session = self.stats.iter().filter(|(_, stat)| stat.session == root).map(|(pid, _)| *pid);
        let mut waiting: Vec<u32> = in_session.collect();
        waiting.push(root);
        let mut found = BTreeSet::new();
        while let Some(pid) = waiting.pop() {
            if found.len() < MOST && self.stats.contains_key(&pid) && found.insert(pid) {
                waiting.extend(self.children.get(&pid).into_iter().flatten());
            }
        }
        found.into_iter().collect()
    }
}

/// These processes and the descendants that they have now; quicker than a whole table, and blind for those that lost their
/// parent since.
pub(crate) fn grown(pids: &[u32]) -> Vec<u32> {
    let mut found = BTreeSet::new();
    let mut waiting = pids.to_vec();
    while let Some(pid) = waiting.pop() {
        if found.len() >= MOST || found.contains(&pid) {
            continue;
        }
        for thread in threads(pid) {
            // One without threads is gone, and its number may be another's soon.
            found.insert(pid);
            let children = fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
            waiting.extend(text::numbers(&children));
        }
    }
    found.into_iter().collect()
}

fn threads(pid: u32) -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn stat_of(pid: u32) -> Option<Stat> {
    text::stat(&short(format!("/proc/{pid}/stat"))?)
}

/// A file of `/proc` or of a control group that fits into one page, in one read; one that is read each second is a [`Page`].
pub(super) fn short(path: impl AsRef<Path>) -> Option<String> {
    let mut page = [0; PAGE];
    let count = fs::File::open(path).ok()?.read(&mut page).ok()?;
    std::str::from_utf8(&page[..count]).ok().map(str::to_owned)
}

/// What the processes of one instance take together, at one moment.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) processes: usize,
    pub(crate) threads: u64,
    /// Processor time, that of ended and awaited children included.
    pub(crate) processor: Duration,
    pub(crate) resident_bytes: u64,
    /// Read from and written to disks, in bytes; none where the kernel does not say.
    pub(crate) disk: Option<(u64, u64)>,
    pub(crate) open_files: Option<u64>,
    /// Those of the process that has the most.
    pub(crate) most_open_files: u64,
    /// By which the kernel names their sockets.
    pub(crate) sockets: Vec<u32>,
}

/// How long the list of a process's open files holds while their number stays, once it has done something. A socket that takes
/// another's place meanwhile is counted after that, from its own beginning on.
const FILES_HOLD: Duration = Duration::from_secs(10);

/// The open files of one process.
#[derive(Debug, Clone)]
struct Files {
    count: u64,
    sockets: Vec<u32>,
    looked: Instant,
    /// What the process had used by then.
    ticks: u64,
}

/// Reads what processes take, and remembers what need not be looked up each time.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    stats: HashMap<u32, Page>,
    schedules: HashMap<u32, Page>,
    files: HashMap<u32, Files>,
    disk: HashMap<u32, Disk>,
}

/// What a process read from and wrote to disks, as long as it has not used a tick of processor time since.
#[derive(Debug, Clone, Copy)]
struct Disk {
    ticks: u64,
    bytes: Option<(u64, u64)>,
}

impl Reader {
    /// What these processes take.
    pub(crate) fn read(&mut self, pids: &[u32], look: &Look, now: Instant) -> Reading {
        let mut sum = Reading { disk: Some((0, 0)), open_files: Some(0), ..Reading::default() };
        self.stats.retain(|pid, _| pids.contains(pid));
        self.schedules.retain(|pid, _| pids.contains(pid));
        self.files.retain(|pid, _| pids.contains(pid));
        self.disk.retain(|pid, _| pids.contains(pid));
        for &pid in pids {
            let Some(stat) = look.stat(pid).or_else(|| self.stat(pid)) else { continue };
            sum.processes += 1;
            sum.threads += stat.threads;
            sum.processor += ticks(stat.ticks);
            sum.resident_bytes += stat.resident_pages * rustix::param::page_size() as u64;
            let disk = self.disk(pid, stat.ticks);
            sum.disk = sum.disk.zip(disk).map(|(sum, one)| (sum.0 + one.0, sum.1 + one.1));
            let files = self.files(pid, stat.ticks, now);
            sum.open_files = sum.open_files.zip(files).map(|(sum, files)| sum + files.count);
            sum.most_open_files = sum.most_open_files.max(files.map_or(0, |files| files.count));
            sum.sockets.extend(files.iter().flat_map(|files| &files.sockets));
        }
        sum
    }

    fn stat(&mut self, pid: u32) -> Option<Stat> {
        let page = self.stats.entry(pid).or_insert_with(|| Page::new(format!("/proc/{pid}/stat")));
        text::stat(&page.read()?)
    }

    /// How long the first threads of these processes have stood in the queue for a processor, since they began.
    pub(crate) fn queued(&mut self, pids: &[u32]) -> Duration {
        let of_one = |&pid: &u32| {
            let page = self.schedules.entry(pid).or_insert_with(|| Page::new(format!("/proc/{pid}/schedstat")));
            text::in_queue(&page.read()?)
        };
        pids.iter().filter_map(of_one).sum()
    }

    /// Bytes read and written. Who does nothing need not be asked.
    fn disk(&mut self, pid: u32, ticks: u64) -> Option<(u64, u64)> {
        if let Some(disk) = self.disk.get(&pid).filter(|disk| disk.ticks == ticks) {
            return disk.bytes;
        }
        let io = short(format!("/proc/{pid}/io"));
        let bytes = io.and_then(|io| Some((text::named(&io, "read_bytes")?, text::named(&io, "write_bytes")?)));
        self.disk.insert(pid, Disk { ticks, bytes });
        bytes
    }

    fn files(&mut self, pid: u32, ticks: u64, now: Instant) -> Option<&Files> {
        let folder = format!("/proc/{pid}/fd");
        // Since Linux 6.2 the size of this folder is the number of open files; before, it is 0.
        let size = fs::metadata(&folder).map_or(0, |folder| folder.len());
        // Ours is never the same twice: whoever reads here opens files.
        let is_ours = pid == std::process::id();
        let holds = |files: &Files| {
            let is_young = now < files.looked + FILES_HOLD;
            size != 0 && (is_ours && is_young || files.count == size && (is_young || files.ticks == ticks))
        };
        match self.files.get_mut(&pid) {
            Some(files) if holds(files) => files.count = size,
            _ => {
                self.files.remove(&pid);
                self.files.insert(pid, list(&folder, ticks, now)?);
            }
        }
        self.files.get(&pid)
    }
}

fn list(folder: &str, ticks: u64, now: Instant) -> Option<Files> {
    let mut files = Files { count: 0, sockets: Vec::new(), looked: now, ticks };
    for entry in fs::read_dir(folder).ok()?.flatten() {
        files.count += 1;
        files.sockets.extend(fs::read_link(entry.path()).ok().and_then(|link| socket(link.to_str()?)));
    }
    Some(files)
}

fn socket(link: &str) -> Option<u32> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn ticks(ticks: u64) -> Duration {
    let a_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(ticks * 1000 / a_second)
}

/// Their resident memory in bytes. What several processes share counts for each of them.
pub(crate) fn memory(pids: &[u32]) -> u64 {
    let page = rustix::param::page_size() as u64;
    pids.iter().filter_map(|&pid| stat_of(pid)).map(|stat| stat.resident_pages * page).sum()
}

/// Their threads together; a process has one at least.
pub(crate) fn threads_of(pids: &[u32]) -> u64 {
    pids.iter().filter_map(|&pid| stat_of(pid)).map(|stat| stat.threads).sum()
}

/// Gives processes another limit on descriptors.
pub(crate) fn limit_open_files(pids: &[u32], most: u64) {
    for number in pids.iter().filter_map(|&pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        let _ = rustix::process::prlimit(Some(number), Resource::Nofile, limit);
    }
}

/// Their memory in bytes with what is shared in parts; none where the kernel does not say.
pub(crate) fn proportional(pids: &[u32]) -> Option<u64> {
    let mut sum = None;
    for pid in pids {
        let Some(text) = short(format!("/proc/{pid}/smaps_rollup")) else { continue };
        sum = Some(sum.unwrap_or(0) + text::named(&text, "Pss")? * 1024);
    }
    sum
}

/// The processor time of one process in ticks of the kernel; none if it is gone.
pub(crate) fn ticks_of(pid: u32) -> Option<u64> {
    stat_of(pid).map(|stat| stat.ticks)
}

/// The machine's memory in bytes.
pub(crate) fn machine_bytes() -> Option<u64> {
    Some(text::named(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal")? * 1024)
}

/// The processor time of the processes of one instance, finer than a tick of the kernel: threads are added up one by one, and
/// what ended in between is taken from the processes' own sums.
#[derive(Debug, Default)]
pub(crate) struct ProcessorClock {
    threads: HashMap<(u32, u32), Duration>,
    of_threads: Duration,
    /// Sum of the processes at the last look, and what it rose by in all.
    of_processes: Option<Duration>,
    rose: Duration,
}

impl ProcessorClock {
    /// Reads, and returns the processor time since the first look.
    pub(crate) fn look(&mut self, pids: &[u32]) -> Duration {
        let first = self.of_processes.is_none();
        let mut now = HashMap::with_capacity(self.threads.len());
        let mut sum = Duration::ZERO;
        for &pid in pids {
            sum += stat_of(pid).map_or(Duration::ZERO, |stat| ticks(stat.ticks));
            for thread in threads(pid) {
                let text = short(format!("/proc/{pid}/task/{thread}/schedstat")).unwrap_or_default();
                let Some(spent) = text::on_processor(&text) else { continue };
                let before = self.threads.get(&(pid, thread)).copied();
                if !first {
                    self.of_threads += spent.saturating_sub(before.unwrap_or_default());
                }
                now.insert((pid, thread), spent);
            }
        }
        self.rose += self.of_processes.map_or(Duration::ZERO, |before| sum.saturating_sub(before));
        self.of_processes = Some(sum);
        self.threads = now;
        self.of_threads.max(self.rose)
    }
}

/// Stops or continues all of them, and the children that they make meanwhile. Returns all that were found.
pub(crate) fn stop_or_continue(pids: &[u32], stop: bool) -> Vec<u32> {
    let signal = if stop { Signal::STOP } else { Signal::CONT };
    let mut known: BTreeSet<u32> = BTreeSet::new();
    for _ in 0..ROUNDS {
        let all = grown(pids);
        let fresh: Vec<u32> = all.into_iter().filter(|pid| known.insert(*pid)).collect();
        if fresh.is_empty() {
            break;
        }
        for pid in fresh {
            send(pid, signal);
        }
    }
    known.into_iter().collect()
}

fn send(pid: u32, signal: Signal) {
    let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    if let Ok(handle) = rustix::process::pidfd_open(number, PidfdFlags::empty()) {
        let _ = rustix::process::pidfd_send_signal(&handle, signal);
    }
}

/// Gives the processes another place in the queue for processor time.
pub(crate) fn set_nice(pids: &[u32], nice: i32) {
    for &pid in pids {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        if let Some(number) = number {
            // Down again it needs a right that the daemon may not have; then the old place stays until the next start.
            let _ = rustix::process::setpriority_process(Some(number), nice);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    fn stat(parent: u32, session: u32) -> Stat {
        Stat { parent, session, ..Stat::default() }
    }

    #[test]
    fn the_tree_holds_descendants_and_the_session_and_nobody_else() {
        let table = Table::new(
            [
                (1, stat(0, 1)),
                (10, stat(1, 10)),  // the instance
                (11, stat(10, 10)), // its child
                (12, stat(11, 12)), // a grandchild in a session of its own
                (13, stat(1, 10)),  // one that lost its parent
                (20, stat(1, 20)),  // a stranger
                (21, stat(20, 20)),
            ]
            .into_iter(),
        );
        assert_eq!(table.tree(10), [10, 11, 12, 13]);
        assert_eq!(table.tree(99), [] as [u32; 0]);
    }

    #[test]
    fn this_process_is_read_as_it_is() {
        let mut spent = vec![0_u8; 20 << 20];
        spent.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        let us = [std::process::id()];
        let (look, mut reader, now) = (Look::default(), Reader::default(), Instant::now());
        let reading = reader.read(&us, &look, now);
        assert!(reading.resident_bytes > 20 << 20, "{reading:?}");
        assert!(reading.threads >= 1 && reading.processes == 1);
        assert!(reading.open_files.is_some_and(|count| count >= 3));
        // Other tests open and close files meanwhile; a socket that is there for long is found all the same.
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
        let inode = super::socket(link.to_str().unwrap()).unwrap();
        // Whoever opened it has used more than a tick by then.
        let begun = stat_of(us[0]).unwrap().ticks;
        while stat_of(us[0]).unwrap().ticks == begun {}
        let again = reader.read(&us, &look, now + FILES_HOLD);
        assert!(again.sockets.contains(&inode) && !reading.sockets.contains(&inode), "{again:?}");
        drop(socket);
        assert!(proportional(&us).is_some_and(|bytes| bytes > 20 << 20));
        assert!(look.tree(us[0]).contains(&us[0]));
        drop(spent);
    }
}
