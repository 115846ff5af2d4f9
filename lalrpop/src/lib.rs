//! Source text to tokens to syntax tree. Knows no types, no files and no code generator.
