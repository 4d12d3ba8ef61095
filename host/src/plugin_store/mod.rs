//! Making and (later) installing packages. Nothing here is on the path of a command.

pub mod package;
