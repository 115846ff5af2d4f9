//! The codes of the diagnostics about names, types, ownership and memory.

use vex_syntax::Code;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal;)*) => {
        $($(#[doc = $doc])* pub const $name: Code = Code($code);)*
        /// Every code of this file, in order.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    /// A value's name is not known.
    UNKNOWN_NAME = "E0101";
    /// A type's name is not known.
    UNKNOWN_TYPE = "E0102";
    /// A module was not found or could not be read.
    UNKNOWN_MODULE = "E0103";
    /// A module lies outside the root folder.
    MODULE_OUTSIDE = "E0104";
    /// Modules import each other.
    MODULE_CYCLE = "E0105";
    /// One name is declared twice.
    DUPLICATE = "E0106";
    /// A name comes from two imports.
    AMBIGUOUS = "E0107";
    /// A type has no such field.
    UNKNOWN_FIELD = "E0108";
    /// A type has no such method or function.
    UNKNOWN_METHOD = "E0109";
    /// A program without a beginning, or with two.
    ENTRY = "E0110";
    /// A module name fits two files.
    MODULE_TWICE = "E0111";
    /// The module has no such name.
    UNKNOWN_IMPORT = "E0112";
    /// `main` has parameters or an odd result.
    MAIN_SIGNATURE = "E0113";
    /// A value of one type where another is needed.
    MISMATCH = "E0201";
    /// Too many or too few arguments.
    ARGUMENTS = "E0202";
    /// Something that is not a function is called.
    NOT_CALLABLE = "E0203";
    /// An operator does not apply to its operands.
    OPERATOR = "E0204";
    /// A cast between types that cannot be cast.
    CAST = "E0205";
    /// A literal does not fit its type.
    LITERAL_RANGE = "E0206";
    /// A type cannot be inferred.
    CANNOT_INFER = "E0207";
    /// Fields of a structure literal are missing, unknown or doubled.
    STRUCT_FIELDS = "E0208";
    /// A structure contains itself.
    INFINITE_TYPE = "E0209";
    /// Something that cannot be indexed or dereferenced.
    NOT_INDEXABLE = "E0210";
    /// A function may end without its result.
    MISSING_RETURN = "E0211";
    /// `break`, `continue` or `@` where there is nothing to leave or repeat.
    OUTSIDE_LOOP = "E0212";
    /// A constant is needed.
    NOT_CONSTANT = "E0213";
    /// A constant expression fails.
    CONSTANT_FAILS = "E0214";
    /// A format string and its arguments do not fit.
    FORMAT = "E0215";
    /// A mark or form that has no meaning here.
    MISPLACED = "E0216";
    /// Too many or too few type arguments.
    TYPE_ARGUMENTS = "E0217";
    /// A type lacks a trait that is asked for.
    BOUND = "E0218";
    /// A type does not do what a trait that it has says.
    CONTRACT = "E0219";
    /// Instances of generic functions or types without end.
    ENDLESS = "E0220";
    /// A `match` that leaves values out.
    NOT_EXHAUSTIVE = "E0221";
    /// A pattern that makes no sense.
    PATTERN = "E0222";
    /// A type has no such variant.
    UNKNOWN_VARIANT = "E0223";
    /// A `?` where nothing can be returned early.
    TRY = "E0224";
    /// An assignment to something immutable.
    IMMUTABLE = "E0301";
    /// An assignment to, or a borrow of, something that is no place in memory.
    NOT_A_PLACE = "E0302";
    /// A mutable borrow of something immutable.
    IMMUTABLE_BORROW = "E0303";
    /// A write through a read-only reference or pointer.
    READ_ONLY = "E0304";
    /// A value is used after it was moved away.
    MOVED = "E0305";
    /// A variable is used before it has a value.
    UNSET = "E0306";
    /// A value that needs dropping is moved out of something that keeps it.
    MOVE_OUT = "E0307";
    /// A `defer` names a move-only variable of an inner block.
    DEFER_CAPTURE = "E0308";
    /// `$Drop` without `drop`, or `drop` called by hand.
    DROP = "E0309";
    /// A reference leaves the function whose variable it refers to.
    ESCAPE = "E0310";
    /// A reference is used after what it refers to is gone.
    DANGLING = "E0311";
    /// One call gets two references to a place, at least one of them to change it.
    ALIASED = "E0312";
    /// A raw memory operation outside `unsafe`.
    UNSAFE = "E0401";
    /// An `extern` function that does not exist, or not with these types.
    EXTERN = "E0402";
    /// A variable that is never read.
    UNUSED = "W0001";
    /// Code that is never reached.
    UNREACHABLE = "W0002";
    /// `let!` of a variable that never changes.
    NEEDLESS_MUTABLE = "W0003";
}
