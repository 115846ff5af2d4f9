//! The terminal side of a session: editing, history, the process that the session lives in.
