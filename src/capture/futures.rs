//! Feature `async`: what a capture may be awaited for.

use super::Capture;
use super::shared::State;
use crate::error::Error;
use crate::event::{self, EventKind};
use crate::report::Report;
use crate::task;
use std::future::{Future, poll_fn};
use std::sync::atomic::Ordering;
use std::task::Poll;

impl Capture {
    /// [`stop`](Self::stop) as a future, which is there after 500 ms at most. The end is asked for at once, whether or
    /// not the future is awaited.
    ///
    /// # Errors
    /// As there.
    pub fn stop_async(&self) -> impl Future<Output = Result<Report, Error>> + Send + Unpin + 'static {
        self.shared.desk.stop.store(true, Ordering::Relaxed);
        self.shared.state.lock().wake();
        // Dropping it stops what has been stopped.
        let twin = Self { shared: self.shared.clone(), config: self.config.clone() };
        task::on_a_thread(move || twin.stop())
    }

    /// Waits until the open device has brought a sample that is not exactly zero: speak now. `true` at once if it has;
    /// `false` when the capture ends without.
    pub fn first_signal(&self) -> impl Future<Output = bool> + Send + Unpin + 'static {
        let (mut teller, mut events) = event::events();
        teller.awaits_signal = true;
        let state = self.shared.state.lock();
        if !matches!(*state, State::Ended(_)) {
            self.shared.desk.tellers.lock().push(teller);
            state.wake();
        }
        drop(state);
        poll_fn(move |context| {
            loop {
                match events.poll_recv(context) {
                    Poll::Ready(Some(event)) if event.kind == EventKind::FirstSignal => {
                        break Poll::Ready(true);
                    }
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) => break Poll::Ready(false),
                    Poll::Pending => break Poll::Pending,
                }
            }
        })
    }
}
