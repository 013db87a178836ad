//! Faults of logic in the handoff and in the models' hand-over rule, written by hand.

/// A fault of logic, written by hand.
pub struct Fault {
    pub what: &'static str,
    pub file: &'static str,
    /// Each text stands exactly once in the file.
    pub edits: &'static [(&'static str, &'static str)],
}

/// All of them.
pub const FAULTS: &[Fault] = &[
    Fault {
        what: "publish before write",
        file: "src/handoff/index_queue.rs",
        edits: &[(
            "self.shared.slot(self.tail, self.mask).with_mut(",
            "self.shared.tail.store(self.tail.wrapping_add(1), Ordering::Release);\n\
             self.shared.slot(self.tail, self.mask).with_mut(",
        )],
    },
    Fault {
        what: "push without tail increment",
        file: "src/handoff/index_queue.rs",
        edits: &[("self.tail = self.tail.wrapping_add(1);", "")],
    },
    Fault {
        what: "pop without head increment",
        file: "src/handoff/index_queue.rs",
        edits: &[("self.head = self.head.wrapping_add(1);", "")],
    },
    Fault {
        what: "half as many slots",
        file: "src/handoff/index_queue.rs",
        edits: &[("items.next_power_of_two()", "(items / 2).next_power_of_two()")],
    },
    Fault {
        what: "mask one too large",
        file: "src/handoff/index_queue.rs",
        edits: &[("let mask = slots.len() - 1;", "let mask = slots.len();")],
    },
    Fault {
        what: "mask of half the slots",
        file: "src/handoff/index_queue.rs",
        edits: &[("let mask = slots.len() - 1;", "let mask = slots.len() / 2;")],
    },
    Fault {
        what: "one item more than there is",
        file: "src/handoff/index_queue.rs",
        edits: &[("self.tail.wrapping_sub(self.head)", "self.tail.wrapping_sub(self.head).wrapping_add(1)")],
    },
    Fault {
        what: "free queue one token short",
        file: "src/handoff/pool.rs",
        edits: &[("(1..=blocks as u32)", "(2..=blocks as u32)")],
    },
    Fault {
        what: "two tokens for one block",
        file: "src/handoff/pool.rs",
        edits: &[("free_in.push(Token(token))", "free_in.push(Token(NonZeroU32::MIN))")],
    },
    Fault {
        what: "block returned before it is read",
        file: "src/handoff/pool.rs",
        edits: &[
            (
                "let filled = self.filled.pop()?;",
                "let filled = self.filled.pop()?;\n\
                 // SAFETY: planted.\n\
                 unsafe { self.free.push(Token(filled.token.0)) };",
            ),
            ("unsafe { self.free.push(block.filled.token) }", "drop(block)"),
        ],
    },
    Fault {
        what: "block kept after it was handed over",
        file: "src/handoff/pool.rs",
        edits: &[(
            "mem::replace(&mut self.current, self.free.pop())",
            "self.current.as_ref().map(|token| Token(token.0))",
        )],
    },
    Fault {
        what: "enter does not shut the gate",
        file: "src/handoff/gate.rs",
        edits: &[("compare_exchange(IDLE, IN_CALLBACK,", "compare_exchange(IDLE, IDLE,")],
    },
    Fault {
        what: "claim does not shut the gate",
        file: "src/handoff/gate.rs",
        edits: &[("compare_exchange(IDLE, CLAIMED,", "compare_exchange(IDLE, IDLE,")],
    },
    Fault {
        what: "claim while a callback runs",
        file: "src/handoff/gate.rs",
        edits: &[("compare_exchange(IDLE, CLAIMED,", "compare_exchange(IN_CALLBACK, CLAIMED,")],
    },
    Fault {
        what: "leave before the work",
        file: "src/handoff/gate.rs",
        edits: &[("let leave = Leave(&self.state);", "drop(Leave(&self.state));"), ("drop(leave);", "")],
    },
    Fault {
        what: "a panic does not leave",
        file: "src/handoff/gate.rs",
        edits: &[
            (
                "let leave = Leave(&self.state);",
                "let leave = std::mem::ManuallyDrop::new(Leave(&self.state));",
            ),
            ("drop(leave);", "drop(std::mem::ManuallyDrop::into_inner(leave));"),
        ],
    },
    Fault {
        what: "odd for ever after",
        file: "src/handoff/seqlock.rs",
        edits: &[("self.sequence += 2;", "self.sequence += 1;")],
    },
    Fault {
        what: "first word forgotten",
        file: "src/handoff/seqlock.rs",
        edits: &[("in changes {", "in changes.into_iter().skip(1) {")],
    },
    Fault {
        what: "words read before the first look",
        file: "src/handoff/seqlock.rs",
        edits: &[
            (
                "let before = self.shared.sequence.load(",
                "let words = std::array::from_fn(|word| self.shared.words[word].load(Ordering::Relaxed));\n\
                 let before = self.shared.sequence.load(",
            ),
            (
                "        let words = std::array::from_fn(|word| self.shared.words[word].load(Ordering::Relaxed));\n",
                "",
            ),
        ],
    },
    Fault {
        what: "no last good copy",
        file: "src/handoff/seqlock.rs",
        edits: &[("(self.last, self.sequence) = (words, before);", "self.sequence = before;")],
    },
    Fault {
        what: "words without their number",
        file: "src/handoff/seqlock.rs",
        edits: &[("(self.last, self.sequence) = (words, before);", "self.last = words;")],
    },
    Fault {
        what: "no attempt",
        file: "src/handoff/seqlock.rs",
        edits: &[("if cfg!(loom) { 2 }", "if cfg!(loom) { 0 }")],
    },
    Fault {
        what: "last block lost at the stop",
        file: "loom-tests/src/intake.rs",
        edits: &[("            intake.hand_over();\n", "")],
    },
    Fault {
        what: "no drain after the claim",
        file: "loom-tests/src/intake.rs",
        edits: &[("        self.drain();\n        Some(totals)", "        Some(totals)")],
    },
    Fault {
        what: "a drop that is not counted",
        file: "loom-tests/src/intake.rs",
        edits: &[("self.dropped += 1;", "")],
    },
    Fault {
        what: "a partial block at every callback's end, counted as full",
        file: "loom-tests/src/intake.rs",
        edits: &[("Header { frames: self.filled,", "Header { frames: BLOCK_FRAMES,")],
    },
];
