//! HTTPS as a stranger meets it: by a real TLS client, which takes any certificate and says which it was.

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt as _, StreamExt as _};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DEFAULT_VERSIONS, DigitallySignedStruct, Error, SignatureScheme};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::house::{House, within};
use crate::http::{Answer, read};

/// Takes any certificate and remembers the last.
#[derive(Debug)]
struct Any {
    provider: CryptoProvider,
    seen: Mutex<Vec<u8>>,
}

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.lock().unwrap() = certificate.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A connection over TLS, and the certificate that was shown.
async fn connect(house: &House) -> (TlsStream<TcpStream>, Vec<u8>) {
    let any = Arc::new(Any { provider: ring::default_provider(), seen: Mutex::default() });
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_protocol_versions(DEFAULT_VERSIONS).unwrap().dangerous();
    let config = config.with_custom_certificate_verifier(Arc::clone(&any) as _).with_no_client_auth();
    let stream = TcpStream::connect(house.secure.unwrap()).await.unwrap();
    let name = ServerName::try_from("haus.example").unwrap();
    let stream = within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap();
    let seen = any.seen.lock().unwrap().clone();
    (stream, seen)
}

async fn ask(house: &House, method: &str, path: &str, headers: &str, body: &Value) -> Answer {
    let (mut stream, _) = connect(house).await;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {path} HTTP/1.1\nHost: {}\n{headers}Content-Type: application/json\nContent-Length: {}\n\n",
        house.secure.unwrap(),
        body.len()
    );
    stream.write_all((head.replace('\n', "\r\n") + &body).as_bytes()).await.unwrap();
    within(read(&mut stream, false)).await
}

fn secure_cookie(house: &House) -> String {
    format!("Cookie: __Host-fieldrail_session={}\nX-Fieldrail: 1\n", house.session)
}

/// A certificate for `haus.example` that ends with this year, and its key.
fn pair(last_year: i32) -> (String, String) {
    let mut params = CertificateParams::new(vec!["haus.example".into()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(last_year, 12, 31);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_https_a_session_is_a_cookie_that_only_https_takes() {
    let house = House::open_secure().await;
    let body = json!({ "once": house.node.people().login_link() });
    let done = ask(&house, "POST", "/api/login", "", &body).await.must_be(200);
    let cookie = done.header("set-cookie");
    for part in ["__Host-fieldrail_session=", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let session = format!("Cookie: {}\nX-Fieldrail: 1\n", cookie.split(';').next().unwrap());
    ask(&house, "GET", "/api/me", &session, &Value::Null).await.must_be(200);
    // Neither name is taken on the other line.
    house.ask("GET", "/api/me", &session, None).await.must_be(401);
    ask(&house, "GET", "/api/me", &house.cookie(), &Value::Null).await.must_be(401);
    // A browser forgets the cookie by the same name.
    let out = ask(&house, "POST", "/api/logout", &session, &Value::Null).await.must_be(204);
    assert!(out.header("set-cookie").starts_with("__Host-fieldrail_session=; Secure"));
    ask(&house, "GET", "/api/me", &session, &Value::Null).await.must_be(401);
    // A change without the page's own header is refused here too.
    let bare = format!("Cookie: __Host-fieldrail_session={}\n", house.session);
    ask(&house, "POST", "/api/logout", &bare, &Value::Null).await.must_be(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_certificate_is_shown_to_the_next_while_a_web_socket_goes_on() {
    let house = House::open_secure().await;
    let (stream, first) = connect(&house).await;
    let mut request = format!("wss://{}/api/live", house.secure.unwrap()).into_client_request().unwrap();
    let cookie = format!("__Host-fieldrail_session={}", house.session);
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    request.headers_mut().insert("origin", format!("https://{}", house.secure.unwrap()).parse().unwrap());
    let (mut live, _) = within(Box::pin(tokio_tungstenite::client_async(request, stream))).await.unwrap();

    let (certificate, key) = pair(2090);
    let body = json!({ "certificate": certificate, "key": key });
    let shown = ask(&house, "PUT", "/api/admin/certificate", &secure_cookie(&house), &body).await.must_be(200).json();
    assert_eq!((&shown["source"], &shown["names"]), (&json!("uploaded"), &json!(["haus.example"])));
    assert_eq!(shown["serving"], house.secure.unwrap().to_string());
    let (_, second) = connect(&house).await;
    assert_ne!(first, second);
    live.send(Message::text(json!({ "subscribe": ["meter.power"] }).to_string())).await.unwrap();
    let heard = loop {
        match within(live.next()).await.unwrap().unwrap() {
            Message::Text(text) => break text.to_string(),
            Message::Close(frame) => panic!("closed: {frame:?}"),
            _ => {}
        }
    };
    assert!(heard.contains("snapshot"), "{heard}");

    // The key is nowhere to be had again, and nobody else may read it.
    let view = house.admin("GET", "/api/admin/certificate", None).await.must_be(200);
    assert!(!String::from_utf8_lossy(&view.body).contains("PRIVATE"));
    let kept = std::fs::metadata(house.folder.path().join("state/https/uploaded.pem")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&kept) & 0o777, 0o600);
    let rows = house.admin("GET", "/api/audit?search=certificate", None).await.must_be(200);
    assert!(!String::from_utf8_lossy(&rows.body).contains("PRIVATE"));
    assert_eq!(rows.json()["items"][0]["detail"], shown["fingerprint"]);

    let own = house.admin("POST", "/api/admin/certificate/self-signed", None).await.must_be(200).json();
    assert_eq!(own["source"], "self_signed");
    assert!(own["names"].as_array().unwrap().contains(&json!("127.0.0.1")), "{own}");
    assert_ne!(connect(&house).await.1, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_used_is_refused_with_its_line_and_the_old_one_stays() {
    let house = House::open_secure().await;
    let (_, before) = connect(&house).await;
    let (certificate, key) = pair(2090);
    let (expired, its_key) = pair(2021);
    for (certificate, key, file, words) in [
        (certificate.as_str(), its_key.as_str(), "key", "does not belong"),
        (&expired, &its_key, "certificate", "expired"),
        ("garbage", &key, "certificate", "no certificate"),
        (&certificate, "<script>", "key", "no private key"),
        (&certificate.replace("-----END", "-----ENDE"), &key, "certificate", ""),
    ] {
        let body = json!({ "certificate": certificate, "key": key });
        let refused = house.admin("PUT", "/api/admin/certificate", Some(&body)).await.must_be(422).json();
        assert!(refused["detail"].as_str().unwrap().contains(words), "{refused}");
        assert!(refused["hint"].is_string() && refused["at"]["line"].is_u64(), "{refused}");
        assert_eq!(refused["at"]["file"], file, "{refused}");
    }
    let large = json!({ "certificate": "x".repeat(2 << 20), "key": "" });
    house.admin("PUT", "/api/admin/certificate", Some(&large)).await.must_be(413);
    assert_eq!(connect(&house).await.1, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_before_1_2_and_plain_http_are_refused() {
    let house = House::open_secure().await;
    // A greeting of TLS 1.1: its version, 32 random bytes, one cipher suite, no compression.
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    for greeting in [hello, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()] {
        let mut stream = TcpStream::connect(house.secure.unwrap()).await.unwrap();
        stream.write_all(&greeting).await.unwrap();
        let mut answer = Vec::new();
        // It may hang up before all is read.
        let _ = within(stream.read_to_end(&mut answer)).await;
        // An alert at the most, never a greeting back.
        assert!(answer.first().is_none_or(|kind| *kind == 0x15), "{answer:?}");
    }
    connect(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_of_another_origin_is_refused_on_both_lines() {
    let house = House::open_secure().await;
    let secure = house.secure.unwrap();
    for (origin, opens) in [
        (format!("https://{secure}"), true),
        (format!("http://{secure}"), false),
        (format!("https://{}", house.address), false),
        ("https://evil.example".into(), false),
        ("null".into(), false),
    ] {
        let (stream, _) = connect(&house).await;
        let mut request = format!("wss://{secure}/api/live").into_client_request().unwrap();
        let cookie = format!("__Host-fieldrail_session={}", house.session);
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let opened = within(Box::pin(tokio_tungstenite::client_async(request, stream))).await;
        assert_eq!(opened.is_ok(), opens, "{origin}");
    }
    let headers = |scheme: &str| format!("{}Origin: {scheme}://{}\n", house.cookie(), house.address);
    assert!(house.try_live(&headers("http")).await.is_ok());
    assert!(house.try_live(&headers("https")).await.is_err());
    // A name that nobody gave the house is none over TLS either.
    let (mut stream, _) = connect(&house).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n").await.unwrap();
    within(read(&mut stream, false)).await.must_be(421);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_is_switched_on_and_off_in_the_configuration() {
    let house = House::open().await;
    let off = house.admin("GET", "/api/admin/certificate", None).await.must_be(200);
    assert_eq!((&off.json()["https"], &off.json()["source"]), (&Value::Null, &Value::Null));
    house.admin("POST", "/api/admin/certificate/self-signed", None).await.must_be(409);
    let put = async |etag: &str, body: Value| {
        let credentials = format!("{}If-Match: {etag}\n", house.cookie());
        house.ask("PUT", "/api/admin/https", &credentials, Some(&body)).await
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let on = json!({ "listen": listen, "redirect": true });
    let refused = put(off.header("etag"), on.clone()).await.must_be(422).json();
    assert_eq!(refused["at"]["key"], "listen");
    assert!(refused["hint"].as_str().unwrap().contains("another program"), "{refused}");
    drop(taken);
    put("\"stale\"", on.clone()).await.must_be(412);
    let same_port = put(off.header("etag"), json!({ "listen": "0.0.0.0:8420" })).await.must_be(422).json();
    assert_eq!(same_port["at"]["key"], "https.listen");
    house.admin("PUT", "/api/admin/https", Some(&json!({ "listen": "everywhere" }))).await.must_be(400);
    let view = put(off.header("etag"), on).await.must_be(200).json();
    assert_eq!(view["https"], json!({ "listen": listen, "redirect": true }));
    assert_eq!((&view["source"], &view["serving"]), (&json!("self_signed"), &Value::Null));
    let file = std::fs::read_to_string(house.folder.path().join("config/fieldrail.json")).unwrap();
    assert!(file.contains(&listen) && file.contains("haus.example"));
    house.admin("PUT", "/api/admin/https", Some(&json!({ "listen": null }))).await.must_be(200);
    assert_eq!(house.admin("GET", "/api/admin/certificate", None).await.json()["https"], Value::Null);
}
