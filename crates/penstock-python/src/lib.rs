//! The Python module `penstock._core`: conversions between Python and the core, and nothing else.

mod addresses;
mod catalogue;
mod embedded;
mod explain;
mod filter;
mod keeper;
mod log_file;
mod log_rotation;
mod log_writer;
mod log_writers;
mod memory;
mod numbers;
mod said;
mod sampler;
mod sealing;
mod table;
mod worker;

/// The core of Penstock. Texts are JSON unless said otherwise.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use crate::catalogue::{
        check_access_log, check_certificate, check_client_certificates, check_expression, check_filter, check_regex,
        check_template, native_filters, plan_schema,
    };
    #[pymodule_export]
    use crate::embedded::EmbeddedWorker;
    #[pymodule_export]
    use crate::explain::Explainer;
    #[pymodule_export]
    use crate::keeper::Keeper;
    #[pymodule_export]
    use crate::numbers::{measures, reasons};
    #[pymodule_export]
    use crate::said::say_json;
    #[pymodule_export]
    use crate::sampler::Sampler;
    #[pymodule_export]
    use crate::sealing::{seal, unseal};
    #[pymodule_export]
    use crate::table::SharedTable;
    #[pymodule_export]
    use crate::worker::{build_id, run_worker};

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        crate::filter::register(module)
    }
}
