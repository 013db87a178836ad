//! Chunks as a stream, on whatever runtime there is; here tokio's.
//!
//! `cargo run --example async_capture`, with `-- --synthetic` where there is no microphone.

use futures_util::StreamExt;
use hearken::{Capture, Config, Error, ErrorKind, Input, Synthetic, Tap};
use std::time::Duration;

/// Listens for `length`. Chunks of 160 ms.
pub async fn listen(input: Input, length: Duration) -> Result<usize, Error> {
    let capture = Capture::new(Config { input, ..Config::default() })?;
    let mut chunks = capture.receiver(Tap::new())?;
    capture.start()?; // waits for the device; on a busy runtime, on a thread that may block
    if !capture.first_signal().await {
        return Err(Error::new(ErrorKind::DeviceLost, "the capture ended before there was anything to hear"));
    }
    println!("speak now");
    let (mut count, mut stopped) = (0, None);
    let end = tokio::time::sleep(length);
    tokio::pin!(end);
    loop {
        tokio::select! {
            // An iterator as well as a stream, so the trait is named.
            chunk = StreamExt::next(&mut chunks) => match chunk {
                Some(_) => count += 1,
                None => break,
            },
            () = &mut end, if stopped.is_none() => stopped = Some(capture.stop_async()),
        }
    }
    if let Some(stopped) = stopped {
        println!("{count} chunks, {:?}", stopped.await?.stats.ledger);
    }
    Ok(count)
}

/// The same on a runtime of its own.
pub fn run(input: Input, length: Duration) -> Result<usize, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    runtime.block_on(listen(input, length))
}

fn main() -> Result<(), Error> {
    let is_synthetic = std::env::args().any(|argument| argument == "--synthetic");
    let input = if is_synthetic { Input::Synthetic(Synthetic::Speech) } else { Input::Default };
    run(input, Duration::from_secs(5)).map(drop)
}
