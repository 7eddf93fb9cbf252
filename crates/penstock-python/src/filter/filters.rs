//! Builds the Python filters of a plan.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use penstock_proxy::pipeline::{ForeignFilter, ForeignFilters, ForeignStep};
use penstock_proxy::worker::Share;
use pyo3::exceptions::PyRuntimeError;
use pyo3::types::PyAnyMethods;
use pyo3::{Bound, Py, PyAny, PyErr, PyResult, Python};

use super::fork;
use super::guard::Guard;
use super::health::Health;
use super::interrupt::Interrupt;
use super::log::LogSender;
use super::on_error::OnError;
use super::python_filter::{Method, PythonFilter, Settings};
use super::report::Reporter;
use super::watchdog;

/// How long a thread that builds filters keeps the interpreter from the IO thread.
const SWITCH_INTERVAL_S: f64 = 0.0005;

/// The Python filters of one worker.
///
/// A worker without any never imports the Python side: it is imported when the first filter
/// is built.
pub(crate) struct PythonFilters {
    plugins: PathBuf,
    share: Share,
    guard: Arc<Guard>,
    /// Until the watchdog takes it.
    interrupt: Mutex<Option<Interrupt>>,
    started: OnceLock<Started>,
}

/// What exists once a filter has been built.
struct Started {
    log: LogSender,
    load: Py<PyAny>,
    describe: Py<PyAny>,
}

impl PythonFilters {
    /// Those of a worker process; made on Python's main thread, which will run them.
    ///
    /// # Errors
    /// Python refused the handler that interrupts filters.
    pub(crate) fn new(py: Python<'_>, state_dir: &Path, share: Share) -> PyResult<Self> {
        let guard = Arc::new(Guard::default());
        let interrupt = Interrupt::by_signal(py, &guard)?;
        Ok(Self::with(guard, interrupt, state_dir, share))
    }

    /// Those of a worker that is a thread of another program: its signals and its process are
    /// not ours.
    pub(crate) fn embedded(state_dir: &Path, share: Share) -> Self {
        Self::with(Arc::new(Guard::of_a_side_thread()), Interrupt::Exception, state_dir, share)
    }

    /// The share of the table that they are counted in.
    pub(crate) fn share(&self) -> &Share {
        &self.share
    }

    fn with(guard: Arc<Guard>, interrupt: Interrupt, state_dir: &Path, share: Share) -> Self {
        let interrupt = Mutex::new(Some(interrupt));
        Self { plugins: state_dir.join("plugins"), share, guard, interrupt, started: OnceLock::new() }
    }

    fn started(&self, py: Python<'_>) -> PyResult<&Started> {
        if let Some(started) = self.started.get() {
            return Ok(started);
        }
        let sdk = py.import("penstock.sdk.loading")?;
        fork::watch();
        let log = LogSender::start()?;
        let interrupt = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(interrupt) = interrupt {
            if interrupt.owns_process() {
                tune(py)?;
            }
            watchdog::start(&self.guard, interrupt, log.clone(), self.share.clone())?;
        }
        let (load, describe) = (sdk.getattr("load_filter")?.unbind(), sdk.getattr("describe_failure")?.unbind());
        Ok(self.started.get_or_init(|| Started { log, load, describe }))
    }

    fn build_attached(&self, py: Python<'_>, step: &ForeignStep<'_>) -> PyResult<ForeignFilter> {
        let ForeignStep { plugin, kind, .. } = step;
        let started = self.started(py)?;
        let filter = plugin.filters.iter().find(|filter| filter.name == *kind);
        let filter = filter.ok_or_else(|| PyRuntimeError::new_err(format!("plugin {} has no {kind}", plugin.name)))?;
        let folder = self.plugins.join(&plugin.digest);
        let loaded =
            started.load.bind(py).call1((folder, &plugin.digest, &filter.file, kind, step.settings.to_string()))?;
        let settings = read_settings(&loaded)?;
        let results = settings.results.clone();
        let filter = PythonFilter {
            on_request: method(&loaded, "on_request")?,
            on_response: method(&loaded, "on_response")?,
            settings,
            guard: Arc::clone(&self.guard),
            reporter: Reporter::new((*kind).to_owned(), started.describe.clone_ref(py), started.log.clone()),
            health: Health::new(self.share.clone(), step.meter, step.is_changed),
        };
        Ok(ForeignFilter { filter: Box::new(filter), results: Some(results) })
    }

    fn shown(&self, py: Python<'_>, error: &PyErr) -> String {
        let describe = self.started.get().map(|started| started.describe.bind(py));
        let text = describe.and_then(|describe| describe.call1((error.value(py), error.traceback(py))).ok());
        text.and_then(|text| text.extract().ok()).unwrap_or_else(|| error.to_string())
    }
}

impl ForeignFilters for PythonFilters {
    fn build(&self, step: &ForeignStep<'_>) -> Result<ForeignFilter, String> {
        Python::attach(|py| self.build_attached(py, step).map_err(|error| self.shown(py, &error)))
    }
}

impl Drop for PythonFilters {
    fn drop(&mut self) {
        self.guard.is_stopped.store(true, Ordering::Relaxed);
        self.guard.wake();
    }
}

/// Fits the interpreter to a process whose main thread serves requests.
fn tune(py: Python<'_>) -> PyResult<()> {
    py.import("sys")?.call_method1("setswitchinterval", (SWITCH_INTERVAL_S,))?;
    // What the imports made stays for good: a collection on the IO thread need not walk it.
    py.import("gc")?.call_method0("freeze")?;
    Ok(())
}

fn read_settings(loaded: &Bound<'_, PyAny>) -> PyResult<Settings> {
    Ok(Settings {
        results: loaded.getattr("results")?.extract()?,
        buffers_body: loaded.getattr("buffers_body")?.extract()?,
        budget_ms: loaded.getattr("budget_ms")?.extract()?,
        on_error: OnError::read(&loaded.getattr("on_error")?)?,
    })
}

/// A method of the filter; none where it keeps the one of the base class, which does nothing.
fn method(loaded: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<Method>> {
    let method = loaded.getattr(name)?;
    Ok((!method.is_none()).then(|| Method(method.unbind())))
}
