//! The selection, kept per issuer, account and profile: signing in as somebody else never bills the wrong one.

use std::path::PathBuf;

use seqera_plugin_api::service::{Session, SessionState};
use seqera_plugin_api::{Error, ErrorKind, Host, Result, private_file};
use serde::{Deserialize, Deserializer, Serialize};

const FORMAT: u32 = 1;

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrganizationRecord {
    /// A number or text on the wire; text for us.
    #[serde(deserialize_with = "text")]
    pub(crate) org_id: String,
    pub(crate) org_name: String,
    #[serde(default)]
    pub(crate) org_type: Option<String>,
}

impl OrganizationRecord {
    /// `name (type)`
    pub(crate) fn title(&self) -> String {
        match &self.org_type {
            Some(kind) => format!("{} ({kind})", self.org_name),
            None => self.org_name.clone(),
        }
    }
}

/// Who selected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Selector {
    issuer: String,
    account: String,
    profile: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Selection {
    #[serde(flatten)]
    by: Selector,
    #[serde(flatten)]
    organization: OrganizationRecord,
}

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    version: u32,
    selections: Vec<Selection>,
}

/// The selections on disk, seen by one account.
#[derive(Debug)]
pub(crate) struct Selections {
    path: PathBuf,
    by: Selector,
    document: Document,
}

impl Selections {
    /// Those of the account that is signed in. Uses the network only for a token from the environment whose account
    /// nobody asked for yet.
    pub(crate) fn of_session(host: &Host) -> Result<Self> {
        let provider = host.token_provider()?;
        let mut session = provider.session(false)?;
        if matches!(session.state, SessionState::SignedOut) {
            return Err(Error::new(ErrorKind::SignInNeeded, "you are not signed in")
                .hint("Run `seqera login`, or set SEQERA_ACCESS_TOKEN."));
        }
        if session.account_id.is_none() {
            session = provider.session(true)?;
        }
        let path = file(host)?;
        Ok(Self { document: read(&path)?, by: selector(session)?, path })
    }

    /// Whether anybody has selected anything.
    pub(crate) fn exist(host: &Host) -> Result<bool> {
        Ok(!read(&file(host)?)?.selections.is_empty())
    }

    /// The selected organization.
    pub(crate) fn current(&self) -> Option<OrganizationRecord> {
        self.document
            .selections
            .iter()
            .find(|selection| selection.by == self.by)
            .map(|found| found.organization.clone())
    }

    /// Selects one.
    pub(crate) fn select(&mut self, organization: OrganizationRecord) -> Result<()> {
        self.document.selections.retain(|selection| selection.by != self.by);
        self.document.selections.push(Selection { by: self.by.clone(), organization });
        self.write()
    }

    /// Forgets the selection of this account.
    pub(crate) fn clear(&mut self) -> Result<()> {
        self.document.selections.retain(|selection| selection.by != self.by);
        self.write()
    }

    /// Forgets the selections of everybody.
    pub(crate) fn forget_all(host: &Host) -> Result<()> {
        private_file::remove(&file(host)?)
    }

    fn write(&self) -> Result<()> {
        let text = serde_json::to_vec_pretty(&self.document)
            .map_err(|error| Error::new(ErrorKind::Failed, "cannot write the selection").caused_by(&error))?;
        private_file::write(&self.path, &text)
    }
}

fn selector(session: Session) -> Result<Selector> {
    let account = session.account_id.ok_or_else(|| {
        Error::new(ErrorKind::UnexpectedAnswer, "the server does not say whose token this is")
            .because("a selection is kept per account, and never used for another")
    })?;
    Ok(Selector { issuer: session.issuer, account, profile: session.profile })
}

fn file(host: &Host) -> Result<PathBuf> {
    Ok(host.paths().config_dir()?.join("organization.json"))
}

/// A file that cannot be understood is an error and stays as it is: it says who is billed.
fn read(path: &std::path::Path) -> Result<Document> {
    let Some(text) = private_file::read(path)? else {
        return Ok(Document { version: FORMAT, selections: Vec::new() });
    };
    let wrong = |problem: String| {
        Error::new(ErrorKind::Config, format!("{} cannot be understood", path.display()))
            .because(problem)
            .hint("Remove the file, then choose with `seqera org switch`.")
    };
    let document: Document = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if document.version > FORMAT {
        return Err(wrong(format!("it was written by a newer seqera (format {})", document.version)));
    }
    Ok(document)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(serde_json::Number),
        Text(String),
    }
    Ok(match Id::deserialize(deserializer)? {
        Id::Number(number) => number.to_string(),
        Id::Text(text) => text,
    })
}
