//! What is known to be broken, and where it stands.

use crate::oracle::Broken;

/// A fault: the promise and the cause as the oracle tells them, and what it is.
#[derive(Debug)]
pub struct Known {
    pub promise: &'static str,
    pub cause: &'static str,
    pub what: &'static str,
}

const fn fault(promise: &'static str, cause: &'static str, what: &'static str) -> Known {
    Known { promise, cause, what }
}

/// Every one; most have a life in `corpus/` that shows it. Who mends one deletes its line.
pub const KNOWN: &[Known] = &[
    fault(
        "a default queue holds what a pool does",
        "what the pool held does not fit",
        "new: a pool of 2 s holds 2.35 s, the queue 2.08 s; a hole at the very end is lost with the rest",
    ),
    fault(
        "an end delivers what came before it",
        "at a stop",
        "the same: the last chunk, of 0 frames, has no room",
    ),
    fault(
        "every frame is in its place or told",
        "by a receiver that is behind",
        "new: what is told of what a receiver missed stands in the wrong place where a hole follows",
    ),
    fault("a lost capture ends by give_up", "a device that cannot be opened", "issue 12, 1"),
    fault(
        "a lost capture ends by give_up",
        "a device that opens each time and never delivers",
        "issue 12, 1 and 8",
    ),
    fault(
        "a take is as long as its interval",
        "a start with a pre-roll, asked for while no device was open",
        "issue 12, 3",
    ),
    fault(
        "a take is as long as its interval",
        "a start with a pre-roll, of an open capture",
        "issue 12, 3: its device stands still",
    ),
    fault(
        "a take is as long as its interval",
        "a start, asked for while no device was open",
        "issue 12, 3, without a pre-roll",
    ),
    fault(
        "a take is as long as its interval",
        "a start, of an open capture",
        "issue 12, 3: its device stands still",
    ),
    fault(
        "a take is as long as its interval",
        "nothing at all, of an open capture",
        "issue 12, 2 and 3: its device stands still",
    ),
    fault("a take is as long as its interval", "nothing at all, of a capture that was cold", "issue 12, 2"),
    fault("a take is as long as its interval", "an end with a post-roll, over a re-open", "issue 12, 2"),
    fault(
        "a take is as long as its interval",
        "an end with a post-roll, over a re-open, that was waited for",
        "issue 12, 2",
    ),
    fault("a take is as long as its interval", "an end, over a re-open", "issue 12, 2"),
    fault(
        "a take is as long as its interval",
        "an end with a post-roll",
        "new: a hole over a take's end is not cut where its epoch ends",
    ),
    fault(
        "a take is as long as its interval",
        "an end with a post-roll, that was waited for",
        "issue 12, 10: the worker's absence is taken for the device's",
    ),
    fault(
        "a take's account adds up",
        "its tap goes on behind its end",
        "new: silence behind a take's end where the worker was away",
    ),
    fault(
        "every frame is in its place or told",
        "silence in a take without a word",
        "new: the same, in place of its audio",
    ),
    fault(
        "every frame is in its place or told",
        "silence in a tap without a word",
        "new: as long as the opening before, for one that joins an opening of which nothing comes",
    ),
    fault(
        "a take is as long as its interval",
        "nothing at all, asked for while no device was open",
        "issue 12, 3",
    ),
    fault(
        "errors are the documented ones",
        "start: no device, behind a stop that was refused",
        "issue 12, 5",
    ),
    fault("every call returns in its time", "start", "issue 12, 5: while suspended"),
    fault("every call returns", "start", "issue 12, 5: while suspended"),
    fault(
        "errors are the documented ones",
        "start: bad argument, behind a stop that was refused",
        "issue 12, 5",
    ),
    fault(
        "errors are the documented ones",
        "start: device busy, behind a stop that was refused",
        "issue 12, 5",
    ),
    fault(
        "errors are the documented ones",
        "take: bad argument, behind a stop that was refused",
        "issue 12, 5",
    ),
    fault("errors are the documented ones", "take: no device, behind a stop that was refused", "issue 12, 5"),
    fault("every call returns in its time", "take from a closure on the worker", "issue 12, 4"),
    fault("every call returns in its time", "start from a closure on the worker", "issue 12, 4"),
    fault("every call returns in its time", "stop from a closure on the worker", "issue 12, 4"),
    fault("every call returns in its time", "wait_timeout from a closure on the worker", "issue 12, 4"),
    fault(
        "errors are the documented ones",
        "finish: internal, while a closure waits in a call of its own",
        "issue 12, 4",
    ),
    fault(
        "errors are the documented ones",
        "stop: internal, while a closure waits in a call of its own",
        "issue 12, 4",
    ),
    fault(
        "errors are the documented ones",
        "stop from a closure on the worker: internal, while a closure waits in a call of its own",
        "issue 12, 4",
    ),
    fault(
        "errors are the documented ones",
        "start from a closure on the worker: device busy, of a device that is there",
        "issue 12, 4",
    ),
    fault(
        "errors are the documented ones",
        "take from a closure on the worker: device busy, of a device that is there",
        "issue 12, 4",
    ),
    fault(
        "every life ends",
        "with a closure that calls",
        "issue 12, 4: a take in a closure that a pre-roll is replayed into",
    ),
    fault(
        "times of capture are within their bounds",
        "off, behind a closure that waited",
        "issue 12, 4 and 12",
    ),
    fault(
        "chunks are in order",
        "times of capture",
        "issue 12, 12: late stamps that are found out to be late",
    ),
    fault("times of capture are within their bounds", "off, behind a loss", "issue 12, 12"),
    fault(
        "times of capture are within their bounds",
        "off, behind frames that came twice",
        "issue 12, 12: for ever",
    ),
    fault("times of capture are within their bounds", "off, behind a freeze", "issue 12, 10 and 12"),
    fault("times of capture are within their bounds", "off, with late callbacks", "issue 12, 12"),
    fault(
        "every frame is in its place or told",
        "not where its time of capture says, behind a freeze",
        "issue 12, 10 and 12: seconds off",
    ),
    fault(
        "holes are as long as what is missing",
        "a hole between two openings is too long, with late callbacks",
        "issue 12, 12: the bound of a hole before a late first callback",
    ),
    fault("holes are as long as what is missing", "a hole is too long, with late callbacks", "issue 12, 12"),
    fault("no figure is nonsense", "how far off a gap's length may be", "issue 12, 11"),
    fault("no figure is nonsense", "the bound of a time of capture", "issue 12, 11"),
    fault("no figure is nonsense", "a time of capture", "issue 12, 11: in the future"),
    fault(
        "every hole is in the report",
        "gaps overlap",
        "new: a loss that settles while muted stands within the mute",
    ),
    fault(
        "events are in order",
        "first signal out of place",
        "new: an opening that is closed at once tells of its first signal and not of its first callback",
    ),
];

/// The entry of what is broken.
pub fn known(broken: &Broken) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.promise == broken.promise && known.cause == broken.cause)
}
