//! A worker process: its control socket, its log, and the IO thread on Python's main thread.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use penstock_proxy::control::{Host, Identity, serve};
use penstock_proxy::pipeline::ForeignFilters;
use penstock_proxy::worker::{Built, Command, Remote, Setup, Share, System, remote, run};
use pyo3::exceptions::PyOSError;
use pyo3::{PyResult, Python, pyfunction};

use crate::addresses::SystemAddresses;
use crate::filter::{PythonFilters, ReleasedAtEnd, release};
use crate::log_writers::LogWriters;
use crate::memory::{self, MemoryLimit};
use crate::table::{column_slot, inherited};

/// How often a worker without a plan looks for its supervisor.
const LOOK: Duration = Duration::from_millis(200);

/// Name of this build of the core, its version first: a worker of another build is not used.
#[pyfunction]
pub(crate) fn build_id() -> &'static str {
    env!("PENSTOCK_BUILD")
}

/// Runs a worker until it is told to end; gives the exit code of the process.
///
/// `supervisor` is the process that started it; `table` is the shared table's descriptor, its boot id and
/// the worker's own column in it.
/// `memory_limit` is `off`, `auto` for that of control groups, or bytes for all processes of the gateway.
/// Signals are the caller's: it leaves SIGINT ignored and SIGTERM at its default.
#[pyfunction]
#[pyo3(signature = (index, supervisor, table, socket_path, boot, state_dir, memory_limit = "auto"))]
#[allow(clippy::too_many_arguments, reason = "they are what a process is told that begins as a worker")]
pub(crate) fn run_worker(
    py: Python<'_>,
    index: u32,
    supervisor: u32,
    table: (i32, u64, u32),
    socket_path: &str,
    boot: &str,
    state_dir: &str,
    memory_limit: &str,
) -> PyResult<i32> {
    let (descriptor, boot_id, column) = table;
    let share = Share::take(Arc::new(inherited((descriptor, boot_id))?), column_slot(column)?, index)?;
    let _ = fs::remove_file(socket_path);
    let listener = UnixListener::bind(socket_path)?;
    fs::set_permissions(socket_path, fs::Permissions::from_mode(0o600))?;
    let memory = memory::watch(MemoryLimit::parse(memory_limit)?, share.clone())?;
    let writers = Arc::new(LogWriters::default());
    let identity = Identity { boot: boot.to_owned(), build: build_id().to_owned(), share: share.clone() };
    let (remote, commands) = remote();
    let has_plan = Arc::new(AtomicBool::new(false));
    let host: Arc<dyn Host> = Arc::new(ProcessHost {
        filters: PythonFilters::new(py, Path::new(state_dir), share.clone())?,
        writers: Arc::clone(&writers),
        has_plan: Arc::clone(&has_plan),
    });
    end_with(supervisor, has_plan, remote.clone())?;
    thread::Builder::new().name("control-accept".to_owned()).spawn(move || {
        stand_back();
        serve(&listener, &identity, &remote, &host)
    })?;
    let setup = Setup {
        built: Arc::new(Built::default()),
        sockets: Vec::new(),
        share,
        before_sleep: release,
        system: System { descriptors: descriptor_limit(), memory },
        addresses: Arc::new(SystemAddresses),
    };
    py.detach(|| {
        let _released = ReleasedAtEnd;
        run(setup, commands)
    })
    .map_err(PyOSError::new_err)?;
    py.detach(|| writers.finish());
    Ok(0)
}

/// Most descriptors that this process may have; none where nothing limits them.
fn descriptor_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a value of the right type, which lives through the call.
    let outcome = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    (outcome == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// Leaves the processor to the IO thread where both want it; threads that this one starts do the same.
fn stand_back() {
    const NICE: libc::c_int = 5;
    // SAFETY: changes the priority of the calling thread and nothing else; refused, it stays what it was.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}

/// Ends a worker whose supervisor is gone before it gave a plan: nobody would ever find it, for it serves nothing.
/// One that has a plan outlives its supervisor.
fn end_with(supervisor: u32, has_plan: Arc<AtomicBool>, worker: Remote) -> io::Result<()> {
    let look = move || {
        while !has_plan.load(Ordering::Relaxed) {
            if parent_id() != supervisor {
                worker.send(Command::Stop);
                return;
            }
            thread::sleep(LOOK);
        }
    };
    thread::Builder::new().name("orphan".to_owned()).spawn(look).map(drop)
}

struct ProcessHost {
    filters: PythonFilters,
    writers: Arc<LogWriters>,
    has_plan: Arc<AtomicBool>,
}

impl Host for ProcessHost {
    fn foreign(&self) -> &dyn ForeignFilters {
        &self.filters
    }

    fn committed(&self, built: &Built) {
        self.has_plan.store(true, Ordering::Relaxed);
        self.writers.turn_to(built.logs());
    }

    fn reopen_logs(&self) {
        self.writers.reopen();
    }
}
