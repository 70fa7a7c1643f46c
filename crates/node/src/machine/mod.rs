//! The box: processor, memory, disks, temperatures and network, as Linux tells of them.
//!
//! The only module of this crate that knows the operating system's files; [`text`] reads what stands in them. Another
//! system is another [`Machine`]. What a box does not have, or does not tell, has no figure.

mod names;
mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) use names::names;
pub use names::{MachineNames, machine_names};
use text::Processor;

/// Interfaces and sensors that are told of, at the most: a box with hundreds of virtual ones tells of the first.
const MOST_NETWORKS: usize = 32;
const MOST_SENSORS: usize = 32;

/// Between two looks at the temperatures: some sensors are slow to answer, and none warms up within a second.
const WARM: Duration = Duration::from_secs(5);

/// Sensors of one chip that are looked for.
const MOST_OF_A_CHIP: usize = 16;

/// What the box said at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Reading {
    /// Processor time over the time since the last reading, in per cent of all cores.
    pub(crate) cpu_percent: Option<f64>,
    /// Memory that programs cannot have, and memory in all, in bytes.
    pub(crate) memory: Option<(u64, u64)>,
    /// The mean number of processes that wanted a core, over a minute.
    pub(crate) load_1m: Option<f64>,
    /// Since the boot.
    pub(crate) uptime: Option<Duration>,
    /// Degrees Celsius by the name of the sensor.
    pub(crate) temperatures_c: Vec<(String, f64)>,
    /// Bytes received and sent in a second, by the name of the interface.
    pub(crate) networks: Vec<(String, f64, f64)>,
    /// The file systems that were asked for, by their names.
    pub(crate) disks: Vec<(&'static str, Disk)>,
}

/// A file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Disk {
    /// What this user may still write, in bytes.
    pub(crate) free: u64,
    /// Its size in bytes.
    pub(crate) size: u64,
}

impl Disk {
    /// What is used, in per cent.
    pub(crate) fn percent(self) -> f64 {
        if self.size == 0 { 100.0 } else { self.size.saturating_sub(self.free) as f64 * 100.0 / self.size as f64 }
    }
}

/// The file system that a folder lies in.
pub(crate) fn disk(folder: &Path) -> Option<Disk> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Disk { free: bytes(found.f_bavail), size: bytes(found.f_blocks) })
}

/// Takes readings, and remembers what a rate needs.
pub(crate) struct Machine {
    /// `/`, but in tests.
    root: PathBuf,
    disks: Vec<(&'static str, PathBuf)>,
    processor: Option<Processor>,
    networks: Option<(Instant, Vec<text::Counted>)>,
    temperatures: Option<(Instant, Vec<(String, f64)>)>,
}

impl Machine {
    /// This box, with the file systems of these folders.
    pub(crate) fn new(disks: Vec<(&'static str, PathBuf)>) -> Self {
        Self::at(Path::new("/"), disks)
    }

    fn at(root: &Path, disks: Vec<(&'static str, PathBuf)>) -> Self {
        Self { root: root.into(), disks, processor: None, networks: None, temperatures: None }
    }

    /// Looks at everything.
    pub(crate) fn read(&mut self, now: Instant) -> Reading {
        Reading {
            cpu_percent: self.processor(),
            memory: self.text("proc/meminfo").as_deref().and_then(text::memory),
            load_1m: self.text("proc/loadavg").as_deref().and_then(text::first_number),
            uptime: self.uptime(),
            temperatures_c: self.temperatures(now),
            networks: self.networks(now),
            disks: self.disks.iter().filter_map(|(name, folder)| Some((*name, disk(folder)?))).collect(),
        }
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }

    fn uptime(&self) -> Option<Duration> {
        let seconds = text::first_number(&self.text("proc/uptime")?)?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    fn processor(&mut self) -> Option<f64> {
        let now = text::processor(&self.text("proc/stat")?)?;
        let before = self.processor.replace(now)?;
        now.percent_since(before)
    }

    fn networks(&mut self, now: Instant) -> Vec<(String, f64, f64)> {
        let Some(text) = self.text("proc/net/dev") else { return Vec::new() };
        let counted: Vec<_> = text::interfaces(&text).into_iter().take(MOST_NETWORKS).collect();
        let Some((at, before)) = self.networks.replace((now, counted.clone())) else { return Vec::new() };
        let seconds = now.saturating_duration_since(at).as_secs_f64();
        if seconds <= 0.0 {
            return Vec::new();
        }
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let rates = |now: text::Counted| {
            let before = before.iter().find(|before| before.name == now.name)?;
            Some((name(&now.name), rate(now.received, before.received), rate(now.sent, before.sent)))
        };
        counted.into_iter().filter_map(rates).collect()
    }

    /// The temperatures, looked at now and then.
    fn temperatures(&mut self, now: Instant) -> Vec<(String, f64)> {
        match &self.temperatures {
            Some((at, found)) if now.saturating_duration_since(*at) < WARM => found.clone(),
            _ => self.temperatures.insert((now, self.sensors())).1.clone(),
        }
    }

    /// Thermal zones, then the sensors of chips. Two of the same name get numbers.
    fn sensors(&self) -> Vec<(String, f64)> {
        let mut found: Vec<(String, f64)> = Vec::new();
        let mut add = |sensor: &str, text: Option<String>| {
            let Some(celsius) = text.as_deref().and_then(text::celsius) else { return };
            let sensor = name(sensor);
            let alike =
                |known: &str| known.strip_prefix(&*sensor).is_some_and(|rest| rest.is_empty() || is_number(rest));
            let others = found.iter().filter(|(known, _)| alike(known)).count();
            if found.len() < MOST_SENSORS {
                found.push((if others == 0 { sensor } else { format!("{sensor}_{}", others + 1) }, celsius));
            }
        };
        for zone in self.folders("sys/class/thermal", "thermal_zone") {
            let kind = self.text(&format!("{zone}/type")).unwrap_or_default();
            add(kind.trim(), self.text(&format!("{zone}/temp")));
        }
        for chip in self.folders("sys/class/hwmon", "hwmon") {
            let kind = self.text(&format!("{chip}/name")).unwrap_or_default();
            for nth in 1..=MOST_OF_A_CHIP {
                let Some(reading) = self.text(&format!("{chip}/temp{nth}_input")) else { continue };
                let label = self.text(&format!("{chip}/temp{nth}_label")).unwrap_or_default();
                add(format!("{} {}", kind.trim(), label.trim()).trim(), Some(reading));
            }
        }
        found
    }

    /// Folders whose name begins so, in the order of their numbers.
    fn folders(&self, within: &str, begin: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.join(within)) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<(u32, String)> =
            names.filter_map(|name| Some((name.strip_prefix(begin)?.parse().ok()?, name))).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| format!("{within}/{name}")).collect()
    }
}

fn is_number(rest: &str) -> bool {
    rest.strip_prefix('_').is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A name as one segment of an address.
fn name(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '_' };
    let name: String = text.chars().take(32).map(letter).collect();
    if name.is_empty() { "unnamed".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn a_box_is_read_from_its_files_and_rates_from_two_readings() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        put(
            root,
            &[
                ("proc/stat", "cpu  100 0 0 900 0 0 0 0 0 0\n"),
                ("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 400 kB\n"),
                ("proc/loadavg", "0.25 0.1 0.1 1/200 4711\n"),
                ("proc/uptime", "3600.75 7000.00\n"),
                ("proc/net/dev", "h\nh\n  eth0: 1000 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0\n"),
                ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
                ("sys/class/thermal/thermal_zone0/temp", "48250\n"),
                ("sys/class/thermal/thermal_zone1/type", "cpu-thermal\n"),
                ("sys/class/thermal/thermal_zone1/temp", "47000\n"),
                ("sys/class/hwmon/hwmon0/name", "nvme\n"),
                ("sys/class/hwmon/hwmon0/temp1_input", "35850\n"),
                ("sys/class/hwmon/hwmon0/temp1_label", "Composite\n"),
                ("sys/class/hwmon/hwmon0/temp3_input", "garbage\n"),
            ],
        );
        let mut machine = Machine::at(root, vec![("state", root.into()), ("gone", root.join("gone"))]);
        let begun = Instant::now();
        let first = machine.read(begun);
        assert_eq!((first.cpu_percent, first.networks.len()), (None, 0), "a rate needs two readings");
        assert_eq!(first.memory, Some((600 * 1024, 1000 * 1024)));
        assert_eq!((first.load_1m, first.uptime), (Some(0.25), Some(Duration::from_millis(3_600_750))));
        let want = [("cpu-thermal", 48.25), ("cpu-thermal_2", 47.0), ("nvme_composite", 35.85)];
        let want: Vec<_> = want.iter().map(|(name, celsius)| ((*name).to_owned(), *celsius)).collect();
        assert_eq!(first.temperatures_c, want);
        assert_eq!(first.disks.len(), 1, "what is not there has no figure");
        assert!(first.disks[0].1.size > 0 && first.disks[0].1.percent() <= 100.0);
        put(
            root,
            &[
                ("proc/stat", "cpu  150 0 0 1000 50 0 0 0 0 0\n"),
                ("proc/net/dev", "h\nh\n  eth0: 3000 1 0 0 0 0 0 0 1500 1 0 0 0 0 0 0\n  wg0: 7 0 0 0 0 0 0 0 7 0\n"),
            ],
        );
        let next = machine.read(begun + Duration::from_secs(2));
        assert_eq!(next.cpu_percent, Some(25.0));
        assert_eq!(next.networks, [("eth0".to_owned(), 1000.0, 500.0)]);
    }

    #[test]
    fn a_box_that_tells_nothing_has_no_figures() {
        let folder = tempfile::tempdir().unwrap();
        let mut machine = Machine::at(folder.path(), Vec::new());
        let now = Instant::now();
        assert_eq!(machine.read(now), Reading::default());
        assert_eq!(machine.read(now), Reading::default());
    }
}
