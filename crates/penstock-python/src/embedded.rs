//! A worker inside the caller's process: the IO loop on a thread of its own.

use std::io::{self, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use penstock_plan::Plan;
use penstock_proxy::telemetry::{LogSink, OwnDirectory};
use penstock_proxy::worker::{Built, Command, Listening, Remote, Setup, Share, System, build, remote, run};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::{PyResult, Python, pyclass, pymethods};
use tokio::sync::oneshot;

use crate::addresses::SystemAddresses;
use crate::filter::{PythonFilters, ReleasedAtEnd, release};

/// A worker on a thread of this process.
#[pyclass(module = "penstock._core")]
pub(crate) struct EmbeddedWorker {
    remote: Remote,
    thread: Option<JoinHandle<io::Result<()>>>,
    built: Arc<Built>,
    filters: PythonFilters,
    directory: OwnDirectory,
}

#[pymethods]
impl EmbeddedWorker {
    /// Starts a worker that serves a plan and its secrets (JSON both) on listening sockets: pairs of a listener's
    /// name and a descriptor, which is the worker's from then on.
    #[new]
    fn new(
        py: Python<'_>,
        plan_json: &str,
        secrets_json: &str,
        sockets: Vec<(String, i32)>,
        state_dir: &str,
    ) -> PyResult<Self> {
        let sockets = sockets.into_iter().map(|(listener, descriptor)| {
            // SAFETY: the caller has detached the descriptor from its socket object and hands it over.
            Listening::shared(&listener, unsafe { OwnedFd::from_raw_fd(descriptor) })
        });
        let sockets: Vec<Listening> = sockets.collect();
        let (share, directory) = (Share::alone()?, OwnDirectory::default());
        let filters = PythonFilters::embedded(Path::new(state_dir), share.clone());
        let built = Arc::new(built(py, &read_plan(plan_json, secrets_json)?, &filters, &directory, None)?);
        let (remote, commands) = remote();
        let setup = Setup {
            built: Arc::clone(&built),
            sockets,
            share,
            before_sleep: release,
            // Descriptors and memory are the caller's as well: that they are short shows when some cannot be had.
            system: System::default(),
            addresses: Arc::new(SystemAddresses),
        };
        let thread = thread::Builder::new().name("penstock".to_owned()).spawn(move || {
            // Attached once for life: attaching afresh for each call of a filter costs microseconds.
            Python::attach(|py| {
                py.detach(|| {
                    let _released = ReleasedAtEnd;
                    run(setup, commands)
                })
            })
        })?;
        Ok(Self { remote, thread: Some(thread), built, filters, directory })
    }

    /// Serves by another plan from the next request on; listeners stay as they are.
    fn apply(&mut self, py: Python<'_>, plan_json: &str, secrets_json: &str) -> PyResult<()> {
        let plan = read_plan(plan_json, secrets_json)?;
        self.built = Arc::new(built(py, &plan, &self.filters, &self.directory, Some(&self.built))?);
        self.remote.send(Command::Apply(Arc::clone(&self.built), Vec::new()));
        Ok(())
    }

    /// The access-log lines since the last call.
    fn take_log(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| {
            let (sender, receiver) = oneshot::channel();
            if self.remote.send(Command::Flush(sender)) {
                let _ = receiver.blocking_recv();
            }
        });
        let lines = Lines::default();
        let mut sink = LogSink::file(lines.clone());
        self.built.logs().iter().for_each(|log| drop(log.queue.drain(&mut sink)));
        let bytes = std::mem::take(&mut *lines.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8(bytes).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Accepts no more, lets requests finish for at most this time, and ends the thread.
    fn stop(&mut self, py: Python<'_>, grace_ms: u64) -> PyResult<()> {
        self.remote.send(Command::Drain(Duration::from_millis(grace_ms)));
        let Some(thread) = self.thread.take() else { return Ok(()) };
        // Detached: a filter that is running needs the interpreter to finish.
        let ended = py.detach(|| thread.join());
        ended.map_err(|_| PyRuntimeError::new_err("the worker's thread panicked"))?.map_err(Into::into)
    }
}

fn read_plan(plan_json: &str, secrets_json: &str) -> PyResult<Plan> {
    let problem = |error: serde_json::Error| PyValueError::new_err(error.to_string());
    let plan: Plan = serde_json::from_str(plan_json).map_err(problem)?;
    Ok(Plan { secrets: Some(serde_json::from_str(secrets_json).map_err(problem)?), ..plan })
}

fn built(
    py: Python<'_>,
    plan: &Plan,
    filters: &PythonFilters,
    directory: &OwnDirectory,
    previous: Option<&Built>,
) -> PyResult<Built> {
    py.detach(|| build(plan, filters, directory, Some(filters.share()), previous)).map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        PyValueError::new_err(texts.join("; "))
    })
}

/// Lines gathered in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
