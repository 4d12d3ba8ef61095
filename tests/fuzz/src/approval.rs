//! The assistant's reading of shell text.

use std::path::Path;

use seqera_ai_approval::{Decision, Grants, Mode, Places, Request, Rules, SystemFiles, Tool, decide};

/// Decides about a text in every mode; answers whether one of them runs it without asking.
///
/// # Panics
/// A removal is run without asking because of what stands before it, or a plan does not block.
pub fn check(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut runs = false;
    for mode in [Mode::Basic, Mode::Default] {
        if !matches!(decision(&text, mode, false), Decision::Auto { .. }) {
            continue;
        }
        runs = true;
        // The empty line ends what a backslash at the end would continue.
        let further = format!("{text}\n\nrm -rf data");
        let further = decision(&further, mode, false);
        assert!(!matches!(further, Decision::Auto { .. }), "a removal is hidden: {further:?}");
    }
    let plan = decision(&text, Mode::Full, true);
    assert!(matches!(plan, Decision::Blocked { .. }), "{plan:?}");
    runs
}

fn decision(text: &str, mode: Mode, plan: bool) -> Decision {
    let workspace = Path::new("/nowhere/workspace");
    let request = Request {
        tool: Tool::Shell,
        subject: text,
        workspace,
        cwd: workspace,
        mode,
        plan,
        grants: &Grants::default(),
        rules: &Rules::default(),
        places: &Places::default(),
    };
    decide(&request, &SystemFiles)
}
