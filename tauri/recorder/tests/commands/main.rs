//! The recorder's commands, called as a page calls them.

mod permissions;
mod support;
mod takes;
