//! What an entry may say after those before it: a damaged trace is refused before the engine finds that its own books
//! do not balance.

use crate::format::StreamFormat;
use crate::intake::{Content, Final, Header};
use crate::record::{Live, Record};
use crate::trace::{Entry, TraceContent};

/// More bytes than the largest block has.
const MOST_BYTES: usize = 16 << 20;

/// The account of the open epoch.
#[derive(Debug, Default)]
pub(super) struct Books {
    content: TraceContent,
    /// Of the epoch that is open.
    format: Option<StreamFormat>,
    position: u64,
    delivered: u64,
    dropped: u64,
    discarded: u64,
}

impl Books {
    pub fn new(content: TraceContent) -> Self {
        Self { content, ..Self::default() }
    }

    /// Whether an epoch is open.
    pub fn is_open(&self) -> bool {
        self.format.is_some()
    }

    /// Bytes of a block's audio.
    pub fn bytes(&self, header: &Header) -> usize {
        let frame_bytes = self.format.map_or(0, StreamFormat::frame_bytes);
        (header.frames as usize).saturating_mul(frame_bytes)
    }

    /// Enters what comes next; `false` where it cannot have come.
    pub fn allow(&mut self, entry: &Entry<'_>) -> bool {
        match entry {
            Entry::Begin { info, .. } => {
                let is_next = !self.is_open();
                *self = Self { content: self.content, format: Some(info.format), ..Self::default() };
                is_next
            }
            Entry::Block { header, native, .. } => self.is_open() && self.block(header, native),
            Entry::Look { live, .. } => self.is_open() && self.figures(live),
            Entry::Leave { last, live, .. } => {
                let is_right = self.is_open()
                    && self.figures(live)
                    && last.is_none_or(|last| self.finish(&last))
                    && self.figures(live);
                self.format = None;
                is_right
            }
            Entry::End { .. } => !self.is_open(),
            Entry::Tick(_) | Entry::Told(_) | Entry::Lost { .. } => true,
        }
    }

    fn block(&mut self, header: &Header, native: &[u8]) -> bool {
        let &Header { captured, dropped, discarded, frames, content, .. } = header;
        let has_bytes = content == Content::Audio;
        let kept = if has_bytes && self.content == TraceContent::WithAudio { self.bytes(header) } else { 0 };
        let (audio, refused) = if has_bytes { (frames, 0) } else { (0, frames) };
        self.delivered += u64::from(audio);
        native.len() == kept
            && (!has_bytes || self.bytes(header) <= MOST_BYTES)
            && self.dropped <= dropped
            && self.discarded + u64::from(refused) <= discarded
            && self.balance(captured, dropped, discarded)
    }

    fn finish(&mut self, last: &Final) -> bool {
        let &Final { captured, dropped, discarded } = last;
        self.dropped <= dropped && self.discarded <= discarded && self.balance(captured, dropped, discarded)
    }

    fn balance(&mut self, captured: u64, dropped: u64, discarded: u64) -> bool {
        let is_further = self.position <= captured;
        (self.position, self.dropped, self.discarded) = (captured, dropped, discarded);
        is_further && captured == self.delivered + dropped + discarded
    }

    /// Whether what is pending is no less than nothing.
    fn figures(&self, live: &Live) -> bool {
        let Record { captured, dropped, discarded, .. } = live.record;
        captured < self.position || captured >= self.delivered + dropped + discarded
    }
}
