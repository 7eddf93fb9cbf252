//! Unix sockets and IPv6, on both sides.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread;

use crate::harness::{Client, Config, Gateway, Origin, skip};

/// A path for a socket of one test; it is removed with the test.
struct SocketPath(PathBuf);

impl SocketPath {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("penstock-wire-{}-{name}.sock", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    fn address(&self) -> String {
        format!("unix:{}", self.0.display())
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_unix_listener_serves_and_its_peers_count_as_loopback() {
    let (origin, path) = (Origin::echoing(), SocketPath::new("listener"));
    let config = Config::to(&[origin.address()]).listener(|listener| listener.address = path.address());
    let gateway = Gateway::start(config);
    let mut client = Client::connect_unix(&path.0);
    for count in 0..3 {
        assert_eq!(client.get(&format!("/{count}")).answer().text(), format!("GET /{count} "));
    }
    assert_eq!(gateway.log(3)[0]["client"], "127.0.0.1");
}

#[test]
fn a_unix_endpoint_is_reached_and_its_connection_kept() {
    let path = SocketPath::new("endpoint");
    let listener = UnixListener::bind(&path.0).unwrap();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = Vec::new();
        for _ in 0..3 {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).unwrap();
            received.extend_from_slice(&buffer[..count]);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix").unwrap();
        }
        received
    });
    let gateway = Gateway::start(Config::to(&[path.address()]));
    let mut client = gateway.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").answer().text(), "unix");
    }
    assert!(served.join().unwrap().starts_with(b"GET / HTTP/1.1\r\n"));
}

#[test]
fn a_unix_endpoint_that_nobody_serves_is_a_502() {
    let path = SocketPath::new("nobody");
    let gateway = Gateway::start(Config::to(&[path.address()]));
    assert_eq!(gateway.client().get("/").answer().status(), 502);
}

#[test]
fn ipv6_works_on_both_sides() {
    if TcpListener::bind("[::1]:0").is_err() {
        return skip("this machine has no IPv6 loopback");
    }
    let origin = Origin::listening("[::1]:0", |caller| {
        while let Some(request) = caller.request() {
            let body = request.field("x-forwarded-for").unwrap_or_default().to_owned();
            caller.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        }
    });
    let config = Config::to(&[origin.address()]).listener(|listener| "[::]:0".clone_into(&mut listener.address));
    let gateway = Gateway::start(config);
    let port = gateway.address.port();
    let mut six = Client::connect(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port)));
    assert_eq!(six.get("/").answer().text(), "::1");
    let mut four = Client::connect(SocketAddr::from(([127, 0, 0, 1], port)));
    assert_eq!(four.get("/").answer().text(), "127.0.0.1", "an IPv4 client in IPv6 clothes counts as itself");
    assert_eq!(gateway.log(2)[0]["client"], "::1");
}
