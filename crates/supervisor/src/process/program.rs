//! Which file a plugin's program is, and what it needs around itself.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Folders that every plugin may read.
const SYSTEM: [&str; 4] = ["/usr", "/bin", "/sbin", "/lib"];

/// Folders of an installation that hold its programs.
const OF_PROGRAMS: [&str; 2] = ["bin", "shims"];

/// A program that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    /// Where it is.
    pub(super) path: PathBuf,
    /// What must be readable for it to run, beyond the system's folders.
    pub(super) reads: Vec<PathBuf>,
    /// Where it looks for further programs: the system's folders, and its own.
    pub(super) search: Vec<PathBuf>,
}

/// Finds it: a path as it is; a bare name on the search path. There a script that stands in for the program (as version managers
/// have it, which start others to find the right one) is passed over if the program itself comes later.
pub(super) fn find(program: &Path, search: &str) -> io::Result<Program> {
    let folders: Vec<PathBuf> = search.split(':').filter(|folder| folder.starts_with('/')).map(PathBuf::from).collect();
    let path = if program.components().count() > 1 {
        if !is_executable(program) {
            // The operating system's own words for it.
            File::open(program)?;
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        program.to_owned()
    } else {
        let mut found: Vec<PathBuf> =
            folders.iter().map(|folder| folder.join(program)).filter(|path| is_executable(path)).collect();
        let real = found.iter().position(|path| !is_script(path)).unwrap_or(0);
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such program on the PATH"));
        }
        found.swap_remove(real)
    };
    let mut reads = vec![path.clone()];
    reads.extend(installation(&path));
    if let Ok(whole) = fs::canonicalize(&path) {
        reads.extend(installation(&whole));
    }
    reads.retain(|path| !is_of_the_system(path));
    reads.dedup();
    let own = path.parent();
    let search = folders.iter().filter(|folder| is_of_the_system(folder) || Some(folder.as_path()) == own);
    Ok(Program { search: search.cloned().collect(), path, reads })
}

/// The folder above `bin`, where a program's own library lies; never a home or the root.
fn installation(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    let name = folder.file_name()?.to_str()?;
    let above = folder.parent()?;
    // A link in `~/.local/bin` leads to the installation; what else lies beside it is nobody's business.
    let is_link = path.symlink_metadata().is_ok_and(|of| of.is_symlink());
    let deep = above.components().count() > 2;
    let local = above.file_name().is_some_and(|name| name == ".local");
    (OF_PROGRAMS.contains(&name) && deep && !is_link && !local).then(|| above.to_owned())
}

fn is_of_the_system(path: &Path) -> bool {
    SYSTEM.iter().any(|folder| path.starts_with(folder))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|of| of.is_file() && of.permissions().mode() & 0o111 != 0)
}

fn is_script(path: &Path) -> bool {
    let mut begin = [0; 2];
    File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == *b"#!"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, name: &str, text: &str) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_stand_in_is_passed_over_for_the_program_itself() {
        let top = tempfile::tempdir().unwrap();
        let [shims, bin] = ["manager/shims", "own/python/bin"].map(|folder| top.path().join(folder));
        put(&shims, "python9", "#!/bin/sh\n");
        let search = format!("{}:relative:{}:/usr/bin", shims.display(), bin.display());
        let found = find(Path::new("python9"), &search).unwrap();
        assert_eq!(found.path, shims.join("python9"), "there is no other");
        assert_eq!(found.reads, [shims.join("python9"), top.path().join("manager")]);
        put(&bin, "python9", "\x7fELF");
        let found = find(Path::new("python9"), &search).unwrap();
        assert_eq!(found.path, bin.join("python9"));
        assert_eq!(found.reads, [bin.join("python9"), top.path().join("own/python")]);
        assert_eq!(found.search, [bin, PathBuf::from("/usr/bin")]);
    }

    #[test]
    fn what_is_not_there_is_said_so() {
        assert_eq!(find(Path::new("/no/such/thing"), "/bin").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(find(Path::new("no-such-thing"), "/bin").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(find(Path::new("/etc/passwd"), "/bin").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_home_is_no_installation() {
        assert_eq!(installation(Path::new("/root/bin/x")), None);
        assert_eq!(installation(Path::new("/home/a/.local/bin/x")), None);
        assert_eq!(installation(Path::new("/bin/x")), None);
        assert_eq!(installation(Path::new("/opt/python/bin/x")), Some("/opt/python".into()));
    }
}
