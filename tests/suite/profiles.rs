//! Several logins side by side.
