//! From choices to a scenario: small worlds, few names, many collisions; each case with some features switched off.

mod steps;
mod swarm;
mod world;

pub(super) use steps::{OVERLAPS, event, exchange, vary};
pub use swarm::Swarm;
pub(super) use world::{vary_identity, vary_server};

use super::{Choose, Name, Scenario, Target};
use steps::next_step;
use world::world;

const HOSTS: [&str; 4] = ["api.test", "b.test", "img.api.test", "c.test"];
const ADDRESSES: [&str; 2] = ["192.0.2.1", "192.0.2.2"];
const ORIGINS: [&str; 4] = [
    "https://app.test",
    "https://shop.test",
    "https://api.test",
    "https://b.test",
];
const PROXY: &str = "proxy.test";
const PATHS: [&str; 3] = ["/a", "/b", "/go"];

impl Scenario {
    /// Makes a scenario of at most `most_steps` steps; always valid.
    pub fn generate(from: &mut impl Choose, most_steps: usize) -> Self {
        let swarm = Swarm::draw(from);
        let mut scenario = world(from, swarm);
        let steps = 1 + from.below(most_steps.max(1));
        while scenario.steps.len() < steps {
            let step = next_step(from, swarm, &scenario);
            scenario.steps.push(step);
        }
        scenario.fixup();
        scenario
    }
}

impl<'a> arbitrary::Arbitrary<'a> for Scenario {
    fn arbitrary(bytes: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Self::generate(bytes, 12))
    }
}

fn word(from: &mut impl Choose, words: &[&'static str]) -> Name {
    Name::const_new(words[from.below(words.len())])
}

fn target(from: &mut impl Choose, scenario: &Scenario) -> Target {
    // Nobody asks a proxy, which comes last, for pages.
    let servers = &scenario.servers;
    let origins = servers.iter().position(|server| server.proxy);
    let server = from.pick(&servers[..origins.unwrap_or(servers.len()).max(1)]);
    Target {
        host: from.pick(&server.hosts).clone(),
        port: *from.pick(&server.ports),
        path: match server.redirects.first() {
            Some(redirect) if from.chance(1, 3) => redirect.path.clone(),
            _ => word(from, &PATHS),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenario::{Action, WorldEvent, is_address};

    /// Every word of the vocabulary occurs in a few thousand cases; what never occurs is never tested.
    #[test]
    fn every_feature_is_reached() {
        let mut seen = BTreeSet::new();
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..3_000 {
            let scenario = Scenario::generate(&mut rng, 12);
            seen.insert(format!("profile {}", scenario.profile));
            for server in &scenario.servers {
                seen.insert(format!("{:?}", server.client_certificate));
                for it in &server.host_rules {
                    seen.insert(format!("host rule {:?}", it.client_certificate));
                }
                seen.insert(format!("protected {:?}", server.protected));
                seen.insert(format!("{:?}", server.tls));
                seen.insert(format!("{:?}", server.certificate));
                seen.insert(format!("alpn {:?}", server.alpn));
                seen.insert(format!("tickets {}", server.tickets));
                seen.insert(format!("early data {}", server.early_data));
                seen.insert(format!("accepts {:?}", server.accepts));
                for host in server.hosts.iter().filter(|host| is_address(host)) {
                    seen.insert(format!("address {host}"));
                }
            }
            for identity in &scenario.identities {
                seen.insert(format!("issuer {:?}", identity.issuer));
                seen.insert(format!("intermediate {:?}", identity.intermediate_lifetime));
            }
            for it in &scenario.identities {
                seen.insert(format!("certificate of {:?}", it.certificate_of));
            }
            for step in &scenario.steps {
                match &step.action {
                    Action::Exchange(exchange) => {
                        seen.insert(format!("{:?}", exchange.kind));
                        seen.insert(format!("mode {:?}", exchange.mode));
                        seen.insert(format!("{:?}", exchange.credentials));
                        seen.insert(format!("body {:?}", exchange.body));
                        seen.insert(format!("trust {:?}", exchange.trust));
                        seen.insert(format!("own identity {}", exchange.identity.is_some()));
                        seen.insert(format!("via {}", exchange.via.is_some()));
                        seen.insert(format!("small records {}", exchange.small_records));
                        seen.insert(format!("pipelined {}", exchange.pipelined));
                        seen.insert(format!("declines {}", exchange.declines));
                        seen.insert(format!("server name {}", exchange.server_name.is_some()));
                        seen.insert(format!("overlap {}", step.overlap.is_some()));
                    }
                    Action::Event(event) => {
                        if let WorldEvent::Reload { setting, .. } = event {
                            seen.insert(format!("reload {setting:?}"));
                        }
                        seen.insert(event.name().to_owned());
                    }
                }
            }
        }
        let wanted = 5
            + 5
            + 3
            + 8
            + 3
            + 2
            + 3
            + 2
            + 2
            + 2
            + 2
            + 3
            + 2
            + 5
            + 3
            + 3
            + 3
            + 2
            + 2
            + 2
            + 2
            + 2
            + 2
            + 2
            + 2
            + 2
            + 9
            + (3 + 2 + 2 + 3);
        assert_eq!(seen.len(), wanted, "{seen:#?}");
    }

    #[test]
    fn a_generated_case_is_valid_in_both_forms() {
        let mut rng = fastrand::Rng::with_seed(2);
        for _ in 0..500 {
            let scenario = Scenario::generate(&mut rng, 12);
            let mut fixed = scenario.clone();
            fixed.fixup();
            assert_eq!(fixed, scenario, "fixup leaves a valid scenario alone");
            assert_eq!(
                Scenario::from_bytes(&scenario.to_bytes()).unwrap(),
                scenario
            );
            let text = scenario.to_toml();
            assert_eq!(Scenario::from_toml(&text).unwrap(), scenario, "{text}");
        }
    }
}
