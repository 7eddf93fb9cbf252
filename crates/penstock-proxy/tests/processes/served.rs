//! The example that serves a plan, run in a process of its own.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;

use penstock_plan::{AccessLog, Body, LogFile, LogPlace, Plan};
use serde_json::json;

use crate::harness::{Client, Config, Origin, eventually, forward_step, native_step, prefix};

/// A running worker; it is killed with this.
pub(crate) struct Served {
    /// The process, or the command that became it.
    pub(crate) process: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    folder: PathBuf,
}

impl Served {
    /// Serves a plan before an origin: headers set both ways, a JSON access log. The command is
    /// made from the program, its plan and a folder for other files.
    pub(crate) fn before(origin: &Origin, name: &str, command: impl FnOnce(&Path, &Path, &Path) -> Command) -> Self {
        let folder = std::env::temp_dir().join(format!("penstock-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let address = Origin::nowhere();
        let plan_path = folder.join("plan.json");
        fs::write(&plan_path, serde_json::to_vec(&plan(&folder, origin.address(), address)).unwrap()).unwrap();
        let process = command(&example(), &plan_path, &folder).spawn().unwrap();
        let served = Self { process, address, folder };
        eventually("the worker listens", || TcpStream::connect(address).ok());
        served
    }

    /// A file in its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A fresh client.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Asks it to end, which lets what runs it write what it knows.
    pub(crate) fn interrupt(&mut self) {
        let asked = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()));
        let _ = self.process.wait();
    }

    /// Ends it.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Processor time that a process has used, in ticks of the system (100 a second).
pub(crate) fn processor_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}

fn plan(folder: &Path, origin: SocketAddr, address: SocketAddr) -> Plan {
    let headers = native_step(
        "SetHeaders",
        &json!({
            "request": {"set": {"x-gateway": "penstock"}, "add": {}, "remove": []},
            "response": {"set": {"x-served-by": "penstock"}, "add": {}, "remove": []},
        }),
    );
    let config = Config::to(&[origin]).route("all", prefix(""), vec![headers, forward_step()]);
    let mut plan = config.listener(|listener| listener.address = address.to_string()).plan();
    plan.parts.remove("plugin/test");
    if let Some(Body::Telemetry(telemetry)) =
        plan.parts.get_mut("telemetry/default").map(|part| &mut Arc::make_mut(part).body)
    {
        let path = folder.join("access.log").display().to_string();
        telemetry.access_logs = vec![AccessLog::of_everything(LogPlace::File(LogFile { path, rotation: None }))];
    }
    plan
}

/// The example's program; `cargo test` builds it.
fn example() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let profile = this.parent().and_then(Path::parent).unwrap();
    let example = profile.join("examples/serve_plan");
    assert!(example.exists(), "{} is not built: cargo build --example serve_plan", example.display());
    example
}
