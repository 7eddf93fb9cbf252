//! Control groups whose memory is limited, and what is used of it.
//!
//! Source: the kernel's pages on cgroup v2 (`memory.max`, `memory.current`) and on the memory controller of v1.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";
/// From here on a limit of version 1 is none: it writes the largest number of pages.
const NO_LIMIT: u64 = 1 << 60;
/// Hundredths of the limit from which on it is looked how much of what is used the kernel could take back at once.
const LOOK_CLOSER: u64 = 75;

/// What the files of a version are called.
struct Names {
    limit: &'static str,
    used: &'static str,
    reclaimable: &'static str,
}

static VERSION_1: Names =
    Names { limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes", reclaimable: "total_inactive_file " };
static VERSION_2: Names = Names { limit: "memory.max", used: "memory.current", reclaimable: "inactive_file " };

/// A group that this process is in, and that has a limit.
pub(super) struct Group {
    folder: PathBuf,
    names: &'static Names,
    pub(super) limit_bytes: u64,
}

impl Group {
    fn of(folder: &Path, names: &'static Names) -> Option<Self> {
        let limit_bytes = number(&folder.join(names.limit)).filter(|limit| *limit < NO_LIMIT)?;
        Some(Self { folder: folder.to_owned(), names, limit_bytes })
    }

    /// What is used and could not be taken back at once, files that were read for instance.
    pub(super) fn used_bytes(&self) -> Option<u64> {
        let used = number(&self.folder.join(self.names.used))?;
        if used < self.limit_bytes / 100 * LOOK_CLOSER {
            return Some(used);
        }
        let told = fs::read_to_string(self.folder.join("memory.stat")).unwrap_or_default();
        let reclaimable = told.lines().find_map(|line| line.strip_prefix(self.names.reclaimable)?.trim().parse().ok());
        Some(used.saturating_sub(reclaimable.unwrap_or(0)))
    }
}

/// All such groups, from the innermost on.
pub(super) fn limited() -> Vec<Group> {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    places(&text).into_iter().flat_map(|(root, path, names)| within(&root, path, names)).collect()
}

/// Where the hierarchies are that can limit memory, and the group of this process in each.
fn places(text: &str) -> Vec<(PathBuf, &str, &'static Names)> {
    let lines = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let places = lines.filter_map(|(controllers, path)| match controllers {
        "" => Some((PathBuf::from(ROOT), path, &VERSION_2)),
        _ if controllers.split(',').any(|one| one == "memory") => {
            Some((Path::new(ROOT).join("memory"), path, &VERSION_1))
        }
        _ => None,
    });
    places.collect()
}

/// The group and those around it. In a container the path may be that of outside; its root is then the container's.
fn within(root: &Path, path: &str, names: &'static Names) -> Vec<Group> {
    let inside = root.join(path.trim_start_matches('/'));
    let folders = inside.ancestors().take_while(|folder| folder.starts_with(root));
    folders.filter_map(|folder| Group::of(folder, names)).collect()
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}
