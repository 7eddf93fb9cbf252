//! The messages between supervisor and worker.

use std::collections::BTreeMap;
use std::sync::Arc;

use penstock_plan::{Part, Secrets};
use serde::{Deserialize, Serialize};

use crate::telemetry::{Interest, Kind, Places};

/// Version of the messages; a worker speaks this one and the one before.
pub const PROTOCOL: u32 = 2;

/// What a supervisor says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Request {
    Hello {
        #[allow(dead_code, reason = "what a supervisor of the version before asks is answered alike")]
        protocol: u32,
    },
    Prepare {
        revision: u64,
        base: Option<u64>,
        #[serde(default)]
        put: BTreeMap<Arc<str>, Arc<Part>>,
        #[serde(default)]
        drop: Vec<String>,
        /// All that the whole plan needs, not only its changes.
        #[serde(default)]
        secrets: Secrets,
        /// Where what the fresh parts name is counted.
        #[serde(default)]
        places: Places,
    },
    Listen {
        sockets: Vec<SocketName>,
    },
    Commit {
        revision: u64,
    },
    GiveSockets {
        /// Sockets before it have been given: one frame takes only so many.
        #[serde(default)]
        start: usize,
    },
    GiveTable {},
    Drain {
        grace_ms: u64,
    },
    /// As `drain`, for the sake of workers that follow: tunnels are left alone for as long as may be. Since 2.
    Retire {
        grace_ms: u64,
    },
    Stop {},
    Status {},
    /// Open the files of access logs again, wherever their paths lead now.
    ReopenLogs {},
    /// Tell of requests as they come, from here on until the connection ends.
    Tap {
        interest: Interest,
    },
}

/// What a worker answers.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Reply {
    Hello {
        protocol: u32,
        build: String,
        boot: String,
        revision: Option<u64>,
        pid: u32,
        index: u32,
    },
    Ready {
        revision: u64,
    },
    Refused {
        problems: Vec<Refusal>,
    },
    NeedAll {},
    Ok {},
    Committed {
        revision: u64,
    },
    Sockets {
        sockets: Vec<SocketName>,
        total: usize,
    },
    /// What the worker counts there, and where it counts what its plan names.
    Table {
        boot_id: u64,
        kinds: Vec<Kind>,
        places: Places,
    },
    Status {
        revision: Option<u64>,
        pid: u32,
    },
    Problem {
        message: String,
    },
}

/// Why a part is refused.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    pub(super) part: String,
    pub(super) message: String,
}

/// Which listener a descriptor belongs to, and which worker accepts from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketName {
    /// The listener's name.
    pub listener: String,
    /// The worker that accepts from it; absent: every worker.
    pub worker: Option<u32>,
    /// The address it is bound to.
    pub address: String,
    /// Position among the sockets of that address.
    #[serde(default)]
    pub index: u8,
    /// Whether it is kept for the workers that come after these: nobody accepts from it now.
    #[serde(default)]
    pub is_spare: bool,
}
