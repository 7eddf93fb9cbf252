//! Serves a plan from a JSON file with one worker: the data plane alone, for profilers.
//!
//! Usage: `serve_plan PLAN.json`; it runs until it is killed.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use penstock_plan::{Body, LogPlace, Plan};
use penstock_proxy::pipeline::NoForeignFilters;
use penstock_proxy::resolver::NoAddresses;
use penstock_proxy::telemetry::{LogQueue, LogSink, OwnDirectory};
use penstock_proxy::worker::{Listening, Setup, Share, System, build, remote, run};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: serve_plan PLAN.json")?;
    let plan: Plan = serde_json::from_reader(File::open(path)?)?;
    let share = Share::alone()?;
    let built = build(&plan, &NoForeignFilters, &OwnDirectory::default(), Some(&share), None)
        .map_err(|problems| format!("{problems:?}"))?;
    let mut sockets = Vec::new();
    for part in plan.parts.values() {
        if let Body::Listener(listener) = &part.body {
            sockets.push(Listening::shared(&listener.name, listen(&listener.address)?));
        }
    }
    for log in built.logs() {
        if let LogPlace::File(place) = &log.to {
            let file = OpenOptions::new().create(true).append(true).open(&place.path)?;
            write_log(Arc::clone(&log.queue), LogSink::file(file));
        }
    }
    let (_remote, commands) = remote();
    run(
        Setup {
            built: Arc::new(built),
            sockets,
            share,
            before_sleep: || (),
            system: System::default(),
            addresses: Arc::new(NoAddresses),
        },
        commands,
    )?;
    Ok(())
}

fn listen(address: &str) -> Result<OwnedFd, Box<dyn Error>> {
    let address: SocketAddr = address.parse()?;
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    Ok(TcpListener::from(socket).into())
}

fn write_log(queue: Arc<LogQueue>, mut sink: LogSink) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(100));
            queue.drain(&mut sink);
        }
    });
}
