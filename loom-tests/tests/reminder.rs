//! Says out loud that a plain build of this package checks no model.
#![cfg(not(loom))]

#[test]
#[ignore = "the models run with --cfg loom: cargo xtask loom"]
fn models_need_cfg_loom() {}
