//! Moves the file of a log away when it is large or old, and tidies what was moved away before.
//!
//! The workers that share a file agree by locks of the kernel. Whoever holds the folder's may move a file in it. Every
//! writer holds its file's in common, so that a file which can be held alone has no writer any more.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use penstock_plan::LogRotation;
use penstock_proxy::worker::rfc3339_seconds;
use rustix::fs::{FlockOperation, flock};

use crate::log_file::identity;
use crate::said::{Level, say};

/// Time given to the writers of a file that was moved away; they look ten times a second.
const LET_GO: Duration = Duration::from_secs(30);
/// Time between two looks whether they have.
const LOOK: Duration = Duration::from_millis(200);
/// How the name of a compressed file ends.
const COMPRESSED: &str = ".gz";
/// How the name of one ends that is not whole yet.
const UNFINISHED: &str = ".gz.part";

/// Whether a file is due: it is as large as it may be, or was begun in an earlier period.
pub(crate) fn is_due(plan: &LogRotation, bytes: u64, period: u64) -> bool {
    let is_large = plan.size_bytes.is_some_and(|most| bytes >= most);
    is_large || (bytes > 0 && plan.every_ms.is_some() && period != period_of(plan, SystemTime::now()))
}

/// The number of the period in which a moment lies.
pub(crate) fn period_of(plan: &LogRotation, time: SystemTime) -> u64 {
    let since_ms = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    plan.every_ms.map_or(0, |every_ms| since_ms / every_ms.max(1))
}

/// Moves a file away if its path still leads to it and nobody else does so; afterwards the path is to be opened again.
///
/// # Errors
/// The folder cannot be opened, or the file not be moved.
pub(crate) fn move_away(path: &Path, file: &File) -> io::Result<()> {
    // Of a link, what it leads to is moved.
    let path = fs::canonicalize(path)?;
    let folder = File::open(path.parent().unwrap_or(Path::new("/")))?;
    if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err()
        || identity(&fs::metadata(&path)?) != identity(&file.metadata()?)
    {
        return Ok(());
    }
    fs::rename(&path, free_name(&path))?;
    // There before the lock is gone: whoever looks next sees another file.
    OpenOptions::new().create(true).append(true).open(&path)?;
    Ok(())
}

/// A name for a file that is moved away now: they sort by their time.
fn free_name(path: &Path) -> PathBuf {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut millis = since.as_millis() as u64;
    loop {
        let second = rfc3339_seconds(millis / 1000).replace(['-', ':'], "");
        let name = with_ending(path, &format!(".{second}.{:03}", millis % 1000));
        if !name.exists() && !with_ending(&name, COMPRESSED).exists() {
            return name;
        }
        millis += 1;
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Compresses and removes what was moved away, on a thread of its own that gives way to everything else.
pub(crate) fn tidy(path: &str, plan: &LogRotation) {
    let (path, plan) = (PathBuf::from(path), plan.clone());
    let tidy = move || {
        give_way();
        let told = path.display().to_string();
        if let Err(problem) = fs::canonicalize(&path).and_then(|path| tidy_now(&path, &plan)) {
            say(Level::Warning, &format!("access log {told}: files moved away cannot be tidied: {problem}"));
        }
    };
    // Without a thread for it, the next rotation does it.
    let _ = thread::Builder::new().name("log-tidy".to_owned()).spawn(tidy);
}

fn give_way() {
    const NICE: libc::c_int = 19;
    // SAFETY: changes the priority of the calling thread and nothing else; refused, it stays what it was.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}

fn tidy_now(path: &Path, plan: &LogRotation) -> io::Result<()> {
    let moved = moved_away(path)?;
    let most = plan.keep.map_or(usize::MAX, |keep| keep as usize);
    let (spare, kept) = moved.split_at(moved.len().saturating_sub(most));
    for one in spare {
        forget(one)?;
    }
    for one in kept {
        if plan.age_ms.is_some_and(|age_ms| is_older(one, Duration::from_millis(age_ms))) {
            forget(one)?;
        } else if plan.is_compressed && !is_compressed(one) {
            compress(one)?;
        }
    }
    Ok(())
}

/// What was moved away, the oldest first.
fn moved_away(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (folder, name) = (path.parent().unwrap_or(Path::new("/")), path.file_name().unwrap_or_default());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_moved_away(&entry.file_name(), name) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a name is one that `free_name` gives, with the ending of a compressed file or without.
fn is_moved_away(found: &OsStr, name: &OsStr) -> bool {
    let rest = found.as_encoded_bytes().strip_prefix(name.as_encoded_bytes());
    let Some([b'.', stamp @ ..]) = rest else { return false };
    let stamp = stamp.strip_suffix(COMPRESSED.as_bytes()).unwrap_or(stamp);
    let form = b"00000000T000000.000";
    stamp.len() == form.len()
        && stamp.iter().zip(form).all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form })
}

fn is_compressed(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(COMPRESSED.as_bytes())
}

fn is_older(path: &Path, age: Duration) -> bool {
    let written = fs::metadata(path).and_then(|found| found.modified());
    written.is_ok_and(|time| time.elapsed().is_ok_and(|since| since > age))
}

fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Compresses a file once it has no writer any more; what was begun and not finished before is begun again.
fn compress(path: &Path) -> io::Result<()> {
    let Some(mut file) = held_alone(path)? else { return Ok(()) };
    let (part, whole) = (with_ending(path, UNFINISHED), with_ending(path, COMPRESSED));
    let written = write_compressed(&mut file, &part).and_then(|()| fs::rename(&part, whole));
    if let Err(problem) = written {
        let _ = fs::remove_file(&part);
        return Err(problem);
    }
    forget(path)
}

/// The file, held so that nobody else has it to write; none where another worker takes care of it, or it is held for long.
fn held_alone(path: &Path) -> io::Result<Option<File>> {
    let late = Instant::now() + LET_GO;
    loop {
        let file = match File::open(path) {
            Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let is_there = fs::metadata(path)
                .is_ok_and(|found| file.metadata().is_ok_and(|own| identity(&own) == identity(&found)));
            return Ok(is_there.then_some(file));
        }
        if Instant::now() > late {
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

fn write_compressed(file: &mut File, to: &Path) -> io::Result<()> {
    let part = File::create(to)?;
    part.set_permissions(file.metadata()?.permissions())?;
    let mut encoder = GzEncoder::new(part, Compression::default());
    io::copy(file, &mut encoder)?;
    let mut part = encoder.finish()?;
    part.flush()?;
    part.sync_all()
}
