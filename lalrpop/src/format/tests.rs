//! What the formatter makes of texts.
