//! Host, provider and consumer, each built against the contract as it is or against the next minor version of it
//! (`xtask/src/variants.rs`): all eight combinations work, and whoever is older sees what was appended as if it were
//! not there.

use seqera_tests::sandbox::Sandbox;
use seqera_tests::stage;

use crate::plugins::replace_library;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Age {
    Now,
    Next,
}

fn sandbox(host: Age, provider: Age, consumer: Age) -> Sandbox {
    let name = |role: &str, age: Age| match age {
        Age::Now => format!("skew-{role}"),
        Age::Next => format!("skew-{role}-next"),
    };
    let sandbox = match host {
        Age::Now => Sandbox::new(),
        Age::Next => {
            Sandbox::new().with_program(&stage::installation().with_file_name("next").join("bin/seqera"))
        }
    };
    let _provider = sandbox.install(&name("provider", provider));
    let _consumer = sandbox.install(&name("consumer", consumer));
    sandbox.configure("[services]\ntoken-provider = \"skew-provider\"\nskew-later = \"skew-provider\"\n");
    sandbox
}

#[test]
fn eight_combinations_of_age_work_together() {
    use Age::{Next, Now};
    for host in [Now, Next] {
        for provider in [Now, Next] {
            for consumer in [Now, Next] {
                let run = sandbox(host, provider, consumer).seqera("skew").success();
                let later = match (provider, consumer) {
                    (Now, _) => "the provider is too old for that service",
                    (Next, Now) => "an unknown kind",
                    (Next, Next) => "a later kind",
                };
                let mut wanted = format!(
                    "token: bearer-for-platform Some(7) skew\nrefusal: 4 nobody is signed in\nmasked: ***\nlater: {later}\n"
                );
                if consumer == Next {
                    let from = |age, newer| if age == Now { "the default body" } else { newer };
                    wanted += &format!(
                        "greeting: from {}\nera: from {}\n",
                        from(provider, "the provider"),
                        from(host, "the host")
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
