//! Pure functions and state over samples; no threads.
