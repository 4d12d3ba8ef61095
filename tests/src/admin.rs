//! The admin of a machine: a private `/etc`, seen by one process tree only, in a mount namespace of its own.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What programs look for in `/etc`, whatever they do.
const NEEDED: [&str; 6] = ["passwd", "group", "hosts", "nsswitch.conf", "resolv.conf", "ld.so.cache"];
/// Its arguments: the private directory, then the command line.
const ENTER: &str = r#"mount --bind "$0" /etc && exec "$@""#;

/// A private `/etc`.
#[derive(Debug, Clone)]
pub struct Etc(PathBuf);

#[allow(clippy::expect_used, reason = "a test without its surroundings has to stop")]
impl Etc {
    /// In this directory, which is made.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        fs::create_dir_all(dir.join("seqera")).expect("a private /etc");
        for name in NEEDED {
            let _not_everywhere = fs::copy(Path::new("/etc").join(name), dir.join(name));
        }
        for dir in [dir.to_owned(), dir.join("seqera")] {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("permissions");
        }
        Self(dir.to_owned())
    }

    /// `/etc/seqera`, as it lies outside.
    #[must_use]
    pub fn seqera(&self) -> PathBuf {
        self.0.join("seqera")
    }

    /// Writes a file of `/etc/seqera` as an admin does: root's, and nobody else may write it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.seqera().join(name);
        fs::write(&path, text).expect("a file of the admin");
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("permissions");
    }

    /// Enters this directory as the home of whoever runs the test.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn set_home(&self, home: &Path) {
        let path = self.0.join("passwd");
        let text = fs::read_to_string(&path).expect("passwd");
        let own = fs::metadata(&self.0).expect("a private /etc").uid().to_string();
        let entered = |line: &str| {
            let mut fields: Vec<&str> = line.split(':').collect();
            let home = home.to_string_lossy();
            if fields.len() == 7 && fields[2] == own {
                fields[5] = &home;
            }
            fields.join(":") + "\n"
        };
        fs::write(path, text.lines().map(entered).collect::<String>()).expect("passwd");
    }

    /// The beginning of a command line that sees this directory as `/etc`.
    #[must_use]
    pub fn around(&self, program: &Path) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--", "sh", "-c", ENTER]).arg(&self.0).arg(program);
        command
    }
}

/// Whether this machine lets us have a mount namespace: root may, where the kernel or a container does not forbid it.
/// Otherwise that is said, and in CI it is a failure: what is about policies would be skipped, and nobody would see it.
#[must_use]
pub fn is_possible() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let entered =
            Command::new("unshare").args(["--mount", "--", "mount", "--bind", "/tmp", "/mnt"]).output();
        let problem = match entered {
            Ok(output) if output.status.success() => return true,
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(std::env::var_os("CI").is_none(), "the tests of policies have to be run as root: {problem}");
        tell(&problem);
        false
    })
}

#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn tell(problem: &str) {
    eprintln!("SKIPPED: this test needs a mount namespace of its own, which only root may have: {problem}");
}
