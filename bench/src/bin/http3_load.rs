//! A load of HTTP/3: so many connections, on each so many requests at once, each followed by the next.
//!
//! usage: `http3_load PORT SECONDS CONNECTIONS STREAMS`

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use h3::client::SendRequest;
use h3_quinn::OpenStreams;
use http::Request;
use penstock_bench::{numbers, report};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Endpoint};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::task::LocalSet;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The name that connections are made for.
const NAME: &str = "shop.test";
/// What a browser sends, but for what HTTP/3 has apart.
const FIELDS: [(&str, &str); 6] = [
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br"),
    ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
    ("cache-control", "no-cache"),
];

/// Takes any certificate: what is measured is not who answers.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn settings() -> Outcome<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let terms = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider));
    let terms = terms.with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut terms =
        terms.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))).with_no_client_auth();
    terms.alpn_protocols = vec![b"h3".to_vec()];
    Ok(ClientConfig::new(Arc::new(QuicClientConfig::try_from(terms)?)))
}

/// One request after the other; gives how long each took.
async fn ask(mut sender: SendRequest<OpenStreams, Bytes>, until: Instant) -> Outcome<Vec<Duration>> {
    let mut took = Vec::new();
    while Instant::now() < until {
        let began = Instant::now();
        let mut request = Request::get(format!("https://{NAME}/"));
        for (name, value) in FIELDS {
            request = request.header(name, value);
        }
        let mut stream = sender.send_request(request.body(())?).await?;
        stream.finish().await?;
        let status = stream.recv_response().await?.status();
        let mut bytes = 0;
        while let Some(piece) = stream.recv_data().await? {
            bytes += piece.remaining();
        }
        if status != 200 || bytes == 0 {
            return Err(format!("answered {status} with {bytes} bytes").into());
        }
        took.push(began.elapsed());
    }
    Ok(took)
}

async fn run([port, seconds, connections, streams]: [u16; 4]) -> Outcome<()> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut endpoint = Endpoint::client(([127, 0, 0, 1], 0).into())?;
    endpoint.set_default_client_config(settings()?);
    let (mut tasks, began) = (Vec::new(), Instant::now());
    let until = began + Duration::from_secs(seconds.into());
    for _ in 0..connections {
        let connection = endpoint.connect(address, NAME)?.await?;
        let (mut driver, sender) = h3::client::new(h3_quinn::Connection::new(connection)).await?;
        tokio::task::spawn_local(async move {
            let _ = std::future::poll_fn(|context| driver.poll_close(context)).await;
        });
        tasks.extend((0..streams).map(|_| tokio::task::spawn_local(ask(sender.clone(), until))));
    }
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    report(began.elapsed(), took);
    Ok(())
}

fn main() -> ExitCode {
    let outcome = numbers(["PORT", "SECONDS", "CONNECTIONS", "STREAMS"]).map_err(Into::into).and_then(|numbers| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, run(numbers))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http3_load: {error}");
            ExitCode::FAILURE
        }
    }
}
