//! Feature `async`: what comes in a queue, as a stream.
//!
//! These types are iterators as well, so a method that both traits have must name the one that is meant:
//! `StreamExt::next(&mut chunks).await`.

use crate::event::{Event, Events};
use crate::tap::{Chunk, Receiver, Speech, SpeechReceiver};
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Chunks; ends with the capture. As both traits have a `next`, write `StreamExt::next(&mut chunks).await`.
impl<T: Copy> Stream for Receiver<T> {
    type Item = Chunk<T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Chunk<T>>> {
        self.get_mut().poll_recv(context)
    }
}

/// Segments and their chunks; ends with the capture. The detector works on the task that polls.
impl Stream for SpeechReceiver {
    type Item = Speech;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Speech>> {
        self.get_mut().poll_recv(context)
    }
}

/// Events; ends with the capture.
impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll_recv(context)
    }
}
