//! Reads files whose content is sent: no link leads out of the project, and no secret is cut in two.

use std::path::{Path, PathBuf};

use seqera_plugin_api::Host;

use super::directory::read;
use crate::secrets::{Cut, Secrets};

/// Reads files of a project and of its user.
#[derive(Clone)]
pub(super) struct Reader {
    /// Workspace and repository, without links.
    roots: Vec<PathBuf>,
    /// Settings, credentials and records of this program, which are no part of any project.
    kept: Vec<PathBuf>,
    secrets: Secrets,
}

impl Reader {
    pub(super) fn new(host: &Host, workspace: &Path, repository: Option<&Path>, secrets: Secrets) -> Self {
        let roots = [Some(workspace), repository].into_iter().flatten();
        let paths = host.paths();
        let kept = [paths.config, paths.data, paths.state, paths.cache].into_iter().flatten();
        let real = |path: PathBuf| path.canonicalize().unwrap_or(path);
        Self {
            roots: roots.map(|root| real(root.to_owned())).collect(),
            kept: kept.map(real).collect(),
            secrets,
        }
    }

    /// Without bounds but the directory itself.
    #[cfg(test)]
    pub(super) fn of_tests() -> Self {
        Self { roots: Vec::new(), kept: Vec::new(), secrets: Secrets::named([]) }
    }

    /// The beginning of a file of a directory. A link may lead anywhere inside the directory or the project, not
    /// further: whoever made the project may have made the link, to a file of whoever looks at it.
    pub(super) fn of_project(&self, directory: &Path, name: impl AsRef<Path>, most: u64) -> Option<String> {
        let file = directory.join(name).canonicalize().ok()?;
        let directory = directory.canonicalize().ok()?;
        let is_inside = file.starts_with(directory) || self.roots.iter().any(|root| file.starts_with(root));
        let is_kept = self.kept.iter().any(|kept| file.starts_with(kept));
        if !is_inside || is_kept {
            log::info!("{} leads out of the project, and is not read", file.display());
            return None;
        }
        self.of_user(&file, most)
    }

    /// The beginning of a file of the user, wherever it is.
    pub(super) fn of_user(&self, file: &Path, most: u64) -> Option<String> {
        let text = read(file, most)?;
        let is_whole = (text.len() as u64) < most;
        Some(if is_whole { self.secrets.hidden(&text) } else { self.secrets.hidden_in_part(&text, Cut::End) })
    }
}
