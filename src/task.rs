//! Feature `async`: what blocks, as a future.

use crate::error::{Error, ErrorKind};
use crate::mailbox::{Ending, Mailbox};
use crate::time::Clock;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

/// What `work` comes to, on a thread of its own that starts at once: its time limit needs no runtime's timer, and it is
/// done whether or not the future is awaited.
pub(crate) fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> impl Future<Output = Result<T, Error>> + Send + Unpin + 'static {
    let result = Arc::new(Mailbox::new(1));
    let ending = Ending(result.clone());
    let spawned = Clock::here().spawn("hearken-wait", move |_| {
        // There is room for one.
        let _ = ending.0.push(work());
    });
    let mut failed = spawned.err().map(|error| {
        Error::new(ErrorKind::Internal, format!("no thread could be started to wait on: {error}"))
    });
    poll_fn(move |context| match failed.take() {
        Some(error) => Poll::Ready(Err(error)),
        None => result.poll_pop(context).map(|result| {
            let died = || Err(Error::new(ErrorKind::Internal, "waiting panicked, which is a defect"));
            result.unwrap_or_else(died)
        }),
    })
}
