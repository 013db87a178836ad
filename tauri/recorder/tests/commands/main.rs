//! The recorder's commands, called as a page calls them.

mod permissions;
mod program;
mod support;
mod takes;
mod windows;
