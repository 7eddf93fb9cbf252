//! Tests of a session in the middle of a message.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, ProtocolVersion, RootCertStore, ServerConfig, version,
};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};

use super::*;

const SHOP: &str = include_str!("../../../../tests/certificates/shop.pem");
const KEY: &str = include_str!("../../../../tests/certificates/shop.key");
const AUTHORITY: &str = include_str!("../../../../tests/certificates/authority.pem");

fn server() -> UnbufferedServerConnection {
    let provider = Arc::new(default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from_pem_slice(SHOP.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    UnbufferedServerConnection::new(Arc::new(config)).unwrap()
}

fn client() -> ClientConnection {
    let mut provider = default_provider();
    provider.cipher_suites = vec![cipher_suite::TLS13_AES_256_GCM_SHA384];
    let config = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[&version::TLS13]);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()).unwrap();
    let mut config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
    config.enable_secret_extraction = true;
    ClientConnection::new(Arc::new(config), ServerName::try_from("shop.test").unwrap()).unwrap()
}

/// What a client sends by itself, with the keys of its session: records of any type.
struct Sealer {
    key: LessSafeKey,
    nonce: [u8; 12],
    sequence: u64,
}

impl Sealer {
    fn new(client: ClientConnection) -> Self {
        let (sequence, secrets) = client.dangerous_extract_secrets().unwrap().tx;
        let ConnectionTrafficSecrets::Aes256Gcm { key, iv } = secrets else { panic!("another suite") };
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).unwrap());
        Self { key, nonce: iv.as_ref().try_into().unwrap(), sequence }
    }

    /// A record (RFC 8446, section 5.2).
    fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len() + 1 + AES_256_GCM.tag_len()).unwrap().to_be_bytes();
        let head = [23, 3, 3, length[0], length[1]];
        let mut nonce = self.nonce;
        nonce.iter_mut().rev().zip(self.sequence.to_be_bytes().iter().rev()).for_each(|(to, from)| *to ^= from);
        self.sequence += 1;
        let mut sealed = [content, &[kind]].concat();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(head), &mut sealed).unwrap();
        [&head[..], &sealed].concat()
    }
}

/// Runs with both ends of a connection: the client's on a thread of its own.
fn between<T>(
    client: impl FnOnce(StdStream) + Send + 'static,
    server: impl AsyncFnOnce(Enciphered<UnbufferedServerConnection>) -> T,
) -> T {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::thread::spawn(move || client(StdStream::connect(address).unwrap()));
    let (stream, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    let runtime = Builder::new_current_thread().enable_io().build_local(LocalOptions::default()).unwrap();
    let found = runtime.block_on(async move {
        let socket = Socket::Tcp(TcpStream::from_std(stream).unwrap());
        server(Enciphered::new(socket, self::server(), false)).await
    });
    client.join().unwrap();
    found
}

async fn read(records: &mut Enciphered<UnbufferedServerConnection>) -> io::Result<Vec<u8>> {
    let mut buffer = [0; 100];
    let count = poll_fn(|context| records.poll_read(context, &mut buffer)).await?;
    Ok(buffer[..count].to_vec())
}

async fn shake_hands(records: &mut Enciphered<UnbufferedServerConnection>) {
    while records.session.is_handshaking() {
        poll_fn(|context| records.poll_outgoing(context)).await.unwrap();
        poll_fn(|context| records.poll_records(context, &mut [])).await.unwrap();
    }
    poll_fn(|context| records.poll_outgoing(context)).await.unwrap();
}

async fn write(records: &mut Enciphered<UnbufferedServerConnection>, bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|context| records.poll_write(context, &[IoSlice::new(bytes)])).await
}

/// A client that asks, begins a message that belongs to the session, and leaves the rest of it out.
fn ask_and_begin_a_message(mut stream: StdStream) {
    let mut session = client();
    while session.is_handshaking() {
        session.complete_io(&mut stream).unwrap();
    }
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let mut sealer = Sealer::new(session);
    let asked = [sealer.seal(23, b"question"), sealer.seal(22, &[24, 0])].concat();
    stream.write_all(&asked).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(!answer.is_empty());
}

#[test]
fn g10_a_client_in_the_middle_of_a_message_of_the_session_is_answered() {
    between(ask_and_begin_a_message, async |mut records| {
        shake_hands(&mut records).await;
        let mut asked = Vec::new();
        while asked.len() < 8 {
            asked.extend(read(&mut records).await.unwrap());
        }
        assert_eq!(asked, b"question");
        // What follows the question may come later, and is then waited for.
        while records.held.is_empty() && !records.has_ended {
            let _ = read(&mut records).await;
        }
        assert_eq!(write(&mut records, b"answer").await.unwrap(), 6);
        poll_fn(|context| records.poll_shutdown(context)).await.unwrap();
    });
}

#[test]
fn g10_a_message_of_a_handshake_that_is_too_large_is_refused() {
    let begin = |mut stream: StdStream| {
        // A record of a message of 256 KiB, and the next one.
        let record = [&[22, 3, 1, 0x40, 0][..], &[1, 3, 0xff, 0xff], &[0; 0x3ffc]].concat();
        for _ in 0..2 {
            let _ = stream.write_all(&record);
        }
        let _ = stream.read_to_end(&mut Vec::new());
    };
    between(begin, async |mut records| {
        while records.failure.is_none() {
            poll_fn(|context| records.poll_records(context, &mut [])).await.unwrap();
        }
        let expected = Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge);
        assert_eq!(records.failure, Some(expected));
    });
}
