//! Feature `async`: streams and futures on either of tokio's runtimes. Everything here is bounded in time.

use futures_util::StreamExt;
use hearken::{
    Capture, Config, ErrorKind, EventKind, Input, Pace, Speech, StopReason, Synthetic, TakeEnd, TakePlan,
    Tap, Voice, WhenFull,
};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `test` on a runtime of several threads, and on one of a single thread.
fn on_both<F: Future<Output = ()> + Send + 'static>(test: impl Fn() -> F) {
    let several =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let single = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for runtime in [several, single] {
        let task = runtime.spawn(test());
        runtime.block_on(async { timeout(PATIENCE, task).await }).expect("in time").expect("no panic");
    }
}

fn synthetic(input: Synthetic, pace: Pace, length: Option<Duration>) -> Capture {
    let input = Input::Synthetic(input);
    Capture::new(Config { input, pace, length, ..Config::default() }).unwrap()
}

#[test]
fn ten_thousand_chunks_come_through_a_stream_and_then_its_end() {
    on_both(async || {
        let length = Some(Duration::from_secs(10));
        let capture = synthetic(Synthetic::Noise, Pace::Fast, length);
        let tap = Tap::new().device_rate().chunk_frames(48).queue(32, WhenFull::Wait);
        let mut chunks = capture.receiver(tap).unwrap();
        let mut events = capture.events();
        capture.start().unwrap();
        let (mut next, mut waits) = (0, 0);
        let receive = poll_fn(|context| {
            loop {
                match chunks.poll_next_unpin(context) {
                    Poll::Ready(Some(chunk)) => {
                        assert_eq!((chunk.position(), chunk.frames()), (next * 48, 48));
                        next += 1;
                    }
                    Poll::Ready(None) => break Poll::Ready(()),
                    Poll::Pending => {
                        waits += 1;
                        break Poll::Pending;
                    }
                }
            }
        });
        receive.await;
        assert_eq!(next, 10_000);
        assert!(waits > 20, "it never had to wait: {waits}");
        assert!(StreamExt::next(&mut chunks).await.is_none(), "the end stays the end");
        let mut last = None;
        while let Some(event) = StreamExt::next(&mut events).await {
            last = Some(event.kind);
        }
        assert_eq!(last, Some(EventKind::Stopped(StopReason::Finished)));
        assert_eq!(capture.stop_async().await.unwrap().stats.ledger.captured, 480_000);
    });
}

#[test]
fn a_wait_that_is_given_up_costs_nothing_and_a_receiver_that_goes_holds_nobody_up() {
    on_both(async || {
        let capture = synthetic(Synthetic::Tone, Pace::RealTime, None);
        let tap = Tap::new().chunk_ms(20);
        let mut chunks = capture.receiver(tap.clone()).unwrap();
        let mut gone = capture.receiver(tap).unwrap();
        capture.start().unwrap();
        // Dropped while it waits.
        tokio::spawn(async move { timeout(Duration::ZERO, StreamExt::next(&mut gone)).await.is_err() });
        let (mut next, mut given_up) = (0, 0);
        while next < 15 * 320 {
            match timeout(Duration::from_millis(3), StreamExt::next(&mut chunks)).await {
                Ok(chunk) => {
                    let chunk = chunk.expect("it goes on");
                    assert_eq!(chunk.position(), next);
                    next += u64::from(chunk.frames());
                }
                Err(_) => given_up += 1,
            }
        }
        assert!(given_up > 0);
        assert!(capture.stop_async().await.unwrap().stats.ledger.balanced());
    });
}

/// Where something was heard, and what.
type Heard = (u64, Vec<f32>, &'static str);

fn heard(speech: Speech) -> Heard {
    match speech {
        Speech::Chunk(chunk) => (chunk.position(), chunk.samples().to_vec(), "chunk"),
        Speech::Started { position, .. } => (position, Vec::new(), "started"),
        Speech::Ended { position } => (position, Vec::new(), "ended"),
        Speech::EndPoint { position, .. } => (position, Vec::new(), "end point"),
        _ => unreachable!("there is no more"),
    }
}

#[test]
fn a_stream_of_speech_has_what_the_iterator_has() {
    on_both(async || {
        let listen = || {
            let capture = synthetic(Synthetic::Speech, Pace::Fast, Some(Duration::from_secs(20)));
            let tap = Tap::new().chunk_ms(30).queue(8, WhenFull::Wait);
            let speech = capture.speech(tap, Voice::new().trailing_silence_ms(300)).unwrap();
            capture.start().unwrap();
            (capture, speech)
        };
        let (capture, speech) = listen();
        let streamed: Vec<Heard> = StreamExt::collect(StreamExt::map(speech, heard)).await;
        capture.stop_async().await.unwrap();
        let (_capture, speech) = listen();
        let iterated: Vec<Heard> = Iterator::map(speech, heard).collect();
        assert!(streamed.len() > 100, "{} items", streamed.len());
        assert!(streamed == iterated);
    });
}

#[test]
fn ends_are_exact_and_asked_for_before_anybody_awaits_them() {
    on_both(async || {
        let capture = synthetic(Synthetic::Speech, Pace::RealTime, None);
        let mut plan = TakePlan::default();
        let mut chunks = plan.receiver(Tap::new().chunk_ms(20)).unwrap();
        let take = capture.take(plan).unwrap();
        assert!(StreamExt::next(&mut chunks).await.is_some());
        let finished = take.finish_async();
        let mut frames = 320;
        while let Some(chunk) = StreamExt::next(&mut chunks).await {
            frames += u64::from(chunk.frames() - chunk.padding());
        }
        let report = finished.await.unwrap();
        assert_eq!(report.end, TakeEnd::Finished);
        assert!((report.frames / 3).abs_diff(frames) <= 1, "{} and {frames} frames", report.frames);
        let capture = synthetic(Synthetic::Speech, Pace::RealTime, None);
        let mut chunks = capture.receiver(Tap::default()).unwrap();
        capture.start().unwrap();
        drop(capture.stop_async());
        while StreamExt::next(&mut chunks).await.is_some() {}
        assert_eq!(capture.wait().unwrap().reason, StopReason::Requested);
    });
}

#[test]
fn a_closure_that_does_not_return_holds_no_end_up() {
    on_both(async || {
        let capture = synthetic(Synthetic::Tone, Pace::RealTime, None);
        let (told, stuck) = std::sync::mpsc::channel();
        let mut plan = TakePlan::default();
        plan.each(Tap::new().chunk_ms(20), move |_| {
            let _ = told.send(());
            std::thread::sleep(Duration::from_secs(2));
        })
        .unwrap();
        let take = capture.take(plan).unwrap();
        while stuck.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let since = Instant::now();
        let (take, capture) = tokio::join!(take.finish_async(), capture.stop_async());
        let took = since.elapsed();
        assert!(took < Duration::from_millis(1_700), "{took:?}");
        assert_eq!(
            (take.unwrap_err().kind(), capture.unwrap_err().kind()),
            (ErrorKind::Internal, ErrorKind::Internal)
        );
    });
}

#[test]
fn the_first_signal_is_heard_before_and_after_it_came_and_silence_has_none() {
    on_both(async || {
        let capture = synthetic(Synthetic::Tone, Pace::RealTime, None);
        let mut early = capture.first_signal();
        let waits = poll_fn(|context| Poll::Ready(Pin::new(&mut early).poll(context).is_pending())).await;
        assert!(waits, "nothing was started");
        capture.start().unwrap();
        assert!(early.await);
        assert!(capture.first_signal().await, "it has come already");
        capture.stop_async().await.unwrap();
        assert!(!capture.first_signal().await, "the capture has ended");
        let never = synthetic(Synthetic::Tone, Pace::RealTime, None);
        let signal = never.first_signal();
        drop(never);
        assert!(!signal.await);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("silence.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(&path, spec).unwrap();
        (0..16_000).for_each(|_| file.write_sample(0_i16).unwrap());
        file.finalize().unwrap();
        let config = Config { input: Input::File(path), pace: Pace::Fast, ..Config::default() };
        let silent = Capture::new(config).unwrap();
        let signal = silent.first_signal();
        silent.start().unwrap();
        assert!(!signal.await);
    });
}
