//! Shell text, read twice.
//!
//! | room | reads | used for |
//! | --- | --- | --- |
//! | [`strict`] | only words, quotes, `&&` `\|\|` `;` `\|` and plain redirections | what may run by itself: it claims little, and that exactly |
//! | [`bash`] | the whole language, with brush-parser | what must not run by itself: every command anywhere in the text |
//!
//! Where the strict one reads a text, its answer is used for both: the differential test (`tests/shell_reading.rs`) has
//! found it wrong in no script; brush-parser is, in `name=~`, which bash expands.

pub(crate) mod ansi_c;
pub(crate) mod bash;
pub(crate) mod emit;
pub(crate) mod patterns;
pub(crate) mod strict;
pub(crate) mod word;
