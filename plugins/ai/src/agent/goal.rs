//! A goal: a task that is asked for again until the assistant says that it is reached (protocol section 9.1).

/// Attempts in all.
pub const ATTEMPTS: u32 = 3;
/// What the last answer has to hold.
pub const MARKER: &str = "GOAL COMPLETE";
/// How much of the end of an answer is searched for the marker, in bytes.
const TAIL: usize = 8 * 1024;

/// A goal that is worked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// What is to be reached.
    pub task: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The end of the answer of this attempt.
    tail: String,
}

/// What comes after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoalStep {
    /// The next attempt is to be asked for.
    Again,
    /// It is reached.
    Reached,
    /// It was not reached in [`ATTEMPTS`] attempts.
    GivenUp,
}

impl Goal {
    pub(super) fn new(task: &str) -> Self {
        Self { task: task.to_owned(), attempt: 1, tail: String::new() }
    }

    /// What the assistant is told.
    #[must_use]
    pub fn message(&self) -> String {
        format!(
            "Work towards this goal until it is reached, and check the outcome yourself. This is attempt {} of \
             {ATTEMPTS}. When it is reached, end your answer with the line {MARKER}; otherwise say what is missing.\n\n\
             Goal: {}",
            self.attempt, self.task
        )
    }

    pub(super) fn saw(&mut self, text: &str) {
        self.tail.push_str(text);
        if self.tail.len() > 2 * TAIL {
            let mut from = self.tail.len() - TAIL;
            while !self.tail.is_char_boundary(from) {
                from += 1;
            }
            self.tail.drain(..from);
        }
    }

    pub(super) fn step(&mut self) -> GoalStep {
        // At the end of a line: an answer may speak of the marker, too.
        let ends = |line: &str| line.trim_end_matches(|c: char| !c.is_alphanumeric()).ends_with(MARKER);
        let is_reached = self.tail.lines().any(ends);
        self.tail.clear();
        if is_reached {
            GoalStep::Reached
        } else if self.attempt >= ATTEMPTS {
            GoalStep::GivenUp
        } else {
            self.attempt += 1;
            GoalStep::Again
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_line_says_that_it_is_reached() {
        for (answer, step) in [
            ("done.\n\n**GOAL COMPLETE**\n", GoalStep::Reached),
            ("all tests pass. GOAL COMPLETE.", GoalStep::Reached),
            ("GOAL COMPLETE\nThe summary: …", GoalStep::Reached),
            ("I may not say GOAL COMPLETE yet: two tests fail", GoalStep::Again),
            ("", GoalStep::Again),
        ] {
            let mut goal = Goal::new("x");
            goal.saw(answer);
            assert_eq!(goal.step(), step, "{answer}");
        }
        let mut echo = Goal::new("x");
        let message = echo.message();
        echo.saw(&message);
        assert_eq!(echo.step(), GoalStep::Again, "what it was told");
    }
}
