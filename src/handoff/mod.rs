//! What crosses threads.
