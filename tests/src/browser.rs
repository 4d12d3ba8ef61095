//! Somebody who follows the address that `login` prints: curl with a cookie jar.

use std::path::Path;
use std::process::{Command, Stdio};

/// Opens an address, follows where it leads (back to the loopback listener) and answers the last status.
///
/// # Errors
/// When curl cannot be started.
pub fn visit(url: &str, jar: &Path) -> std::io::Result<String> {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--location",
            "--max-time",
            "20",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
        ])
        .arg("--cookie-jar")
        .arg(jar)
        .arg("--cookie")
        .arg(jar)
        .arg(url)
        .env("NO_PROXY", "*")
        .stdin(Stdio::null())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A page of an address, with its status line and headers.
///
/// # Errors
/// When curl cannot be started.
pub fn page(url: &str, arguments: &[&str]) -> std::io::Result<String> {
    let output = Command::new("curl")
        .args(["--silent", "--include", "--max-time", "10"])
        .args(arguments)
        .arg(url)
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
