//! Skills as slash commands: those of the server, and those of this project and this user.

use seqera_plugin_api::{Result, status};

use super::{Conversation, slash};
use crate::sanitizer::one_line;

/// A skill that can be used by its name.
pub(super) struct KnownSkill {
    name: String,
    about: String,
    /// Where it lies, when it is here.
    path: Option<String>,
}

impl KnownSkill {
    /// Its line in `/help`.
    pub(super) fn row(&self) -> String {
        format!("{:<22} {}", format!("/{}", self.name), self.about)
    }
}

impl Conversation<'_> {
    /// All skills: ours first, then those of the server. A name of a command of ours is no skill.
    pub(super) fn known_skills(&mut self) -> &[KnownSkill] {
        if self.skills.is_none() {
            let mut skills: Vec<KnownSkill> = crate::surroundings::local_skills(&self.driver.workspace)
                .into_iter()
                .map(|skill| KnownSkill {
                    name: one_line(&skill.name, 40).replace(' ', "-"),
                    about: one_line(&skill.description, 100),
                    path: Some(skill.path.display().to_string()),
                })
                .collect();
            match self.driver.backend.skills() {
                Ok(known) => skills.extend(known.iter().map(|skill| KnownSkill {
                    name: one_line(&skill.name, 40).replace(' ', "-"),
                    about: one_line(&skill.description, 100),
                    path: None,
                })),
                Err(error) => log::info!("the skills of the server are not known: {error}"),
            }
            let mut seen = std::collections::HashSet::new();
            skills.retain(|skill| {
                !slash::is_built_in(&format!("/{}", skill.name)) && seen.insert(skill.name.clone())
            });
            self.skills = Some(skills);
        }
        self.skills.as_deref().unwrap_or_default()
    }

    /// Uses the skill of a word; without one of that name it says so.
    pub(super) fn use_skill(&mut self, word: &str, text: &str) -> Result<()> {
        let message =
            self.known_skills().iter().find(|skill| Some(skill.name.as_str()) == word.strip_prefix('/')).map(
                |skill| {
                    let place =
                        skill.path.as_ref().map(|path| format!(" (its file is {path})")).unwrap_or_default();
                    let about =
                        if text.is_empty() { String::new() } else { format!(" Apply it to this: {text}") };
                    format!("Load the skill \"{}\"{place} and follow it.{about}", skill.name)
                },
            );
        match message {
            Some(message) => self.answer(message),
            None => {
                status!(self.host, "There is no command or skill {}; /help shows all.", one_line(word, 40));
                Ok(())
            }
        }
    }
}
