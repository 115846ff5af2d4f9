//! The three spellings of the language, chosen by file extension.

/// How a source file spells the language; see the spelling table of the language reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Spelling {
    /// `.vx`
    Vex,
    /// `.vera`
    Vera,
    /// `.vais`
    Vais,
}

impl Spelling {
    /// All spellings, in the order the documents list them.
    pub const ALL: [Spelling; 3] = [Spelling::Vex, Spelling::Vera, Spelling::Vais];

    /// The file extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Spelling::Vex => "vx",
            Spelling::Vera => "vera",
            Spelling::Vais => "vais",
        }
    }

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Spelling::Vex => "vex",
            Spelling::Vera => "vera",
            Spelling::Vais => "vais",
        }
    }

    /// The spelling of a file extension without its dot.
    pub fn from_extension(extension: &str) -> Option<Spelling> {
        Spelling::ALL.into_iter().find(|s| s.extension() == extension)
    }
}
