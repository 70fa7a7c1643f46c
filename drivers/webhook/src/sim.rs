//! A receiver on loopback that takes everything and logs a line, for the demo.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::config::{AllowPrivate, Config};
use crate::error::Error;

/// The largest request that the receiver reads, in bytes.
const MAX_REQUEST_BYTES: usize = 2 * 1024 * 1024;

/// How long one sender may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts the receiver and returns the configuration that points to it.
pub(crate) async fn point_to_receiver(mut config: Config) -> Result<Config, Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::task::spawn_local(async move {
        // One sender after the other: the driver opens at most four connections, and each has a deadline.
        while let Ok((stream, _)) = listener.accept().await {
            let _ = timeout(PATIENCE, receive(stream)).await;
        }
    });
    config.url = format!("http://127.0.0.1:{port}/simulated");
    config.allow_private = AllowPrivate::Listed(vec!["127.0.0.1".into()]);
    Ok(config)
}

async fn receive(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if request.len() > MAX_REQUEST_BYTES || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    tracing::info!(bytes = request.len(), "The simulated receiver took a request.");
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await?;
    stream.shutdown().await
}

/// Whether head and body are there.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}
