//! Host, provider and consumer, each built against the contract as it is, against the next minor version of it
//! (`xtask/src/variants.rs`), or, the plugins, in the past (`tests/golden`): all combinations work, and whoever is older
//! sees what was appended as if it were not there.

use seqera_tests::sandbox::Sandbox;
use seqera_tests::stage;

use super::golden::kept;
use crate::plugins::replace_library;

#[derive(Debug, Clone, PartialEq)]
enum Age {
    /// The fixture of this name in the past.
    Kept(String),
    Now,
    Next,
}

impl Age {
    /// All of a plugin.
    fn of(plugin: &str) -> Vec<Self> {
        kept(plugin).into_iter().map(Self::Kept).chain([Self::Now, Self::Next]).collect()
    }

    fn fixture(&self, plugin: &str) -> String {
        match self {
            Self::Kept(fixture) => fixture.clone(),
            Self::Now => plugin.to_owned(),
            Self::Next => format!("{plugin}-next"),
        }
    }
}

fn sandbox(host: &Age, provider: &Age, consumer: &Age) -> Sandbox {
    let sandbox = match host {
        Age::Next => {
            Sandbox::new().with_program(&stage::installation().with_file_name("next").join("bin/seqera"))
        }
        _ => Sandbox::new(),
    };
    let _provider = sandbox.install(&provider.fixture("skew-provider"));
    let _consumer = sandbox.install(&consumer.fixture("skew-consumer"));
    sandbox.configure("[services]\ntoken-provider = \"skew-provider\"\nskew-later = \"skew-provider\"\n");
    sandbox
}

#[test]
fn all_combinations_of_age_work_together() {
    use Age::{Next, Now};
    for host in [Now, Next] {
        for provider in Age::of("skew-provider") {
            for consumer in Age::of("skew-consumer") {
                let run = sandbox(&host, &provider, &consumer).seqera("skew").success();
                let later = match (&provider, &consumer) {
                    (Next, Next) => "a later kind",
                    (Next, _) => "an unknown kind",
                    _ => "the provider is too old for that service",
                };
                let mut wanted = format!(
                    "token: bearer-for-platform Some(7) skew\nrefusal: 4 nobody is signed in\nmasked: ***\nlater: {later}\n"
                );
                if consumer == Next {
                    let from = |age: &Age, newer| if *age == Next { newer } else { "the default body" };
                    wanted += &format!(
                        "greeting: from {}\nera: from {}\n",
                        from(&provider, "the provider"),
                        from(&host, "the host")
                    );
                }
                assert_eq!(run.stdout, wanted, "host {host:?}, provider {provider:?}, consumer {consumer:?}");
                assert_eq!(run.stderr, "");
            }
        }
    }
}

/// Two minor versions that both appended, each something else, are no versions of one contract. The host, older than
/// both, could not tell; the pair can.
#[test]
fn a_fork_of_the_contract_is_refused_beside_the_other() {
    let fork = stage::fixtures().join("raw/libfork-consumer.so");
    for provider in ["skew-provider", "skew-provider-next"] {
        let sandbox = Sandbox::new();
        let _provider = sandbox.install(provider);
        let consumer = sandbox.install("skew-consumer");
        replace_library(&consumer, &fork);
        sandbox.configure("[services]\ntoken-provider = \"skew-provider\"\nskew-later = \"skew-provider\"\n");
        let run = sandbox.seqera("skew");
        if provider == "skew-provider" {
            assert!(run.success().stdout.contains("token: bearer-for-platform"));
        } else {
            let run = run.fails(126, "the plugin skew-provider 1.0.0 cannot be loaded");
            assert!(
                run.stderr.contains("its plugin ABI differs from that of skew-consumer 1.0.0: "),
                "{run}"
            );
        }
    }
}
