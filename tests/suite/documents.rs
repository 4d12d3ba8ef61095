//! What the documents show is what happens.

use seqera_tests::doc_commands::Document;
use seqera_tests::sandbox::Sandbox;

use crate::emulator;

#[test]
fn the_readme_shows_what_happens() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _signed_in = sandbox.login().success();
    assert_eq!(Document::read("README.md", &sandbox).run(), 6);
}
