//! Which name and port on this machine stands for which of the scenario? Both ways.

use bareflight_harness::scenario::{Action, Name, Scenario, Target};

use crate::place::Place;

/// One socket that servers listen on.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    /// An index into the scenario's servers.
    pub(crate) server: usize,
    /// The port as the scenario has it.
    pub(crate) port: u16,
    /// The port on this machine.
    pub(crate) here: u16,
}

/// The names of a world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    place: Place,
    listening: Vec<Listening>,
    /// The host that each listening server is known by in the scenario: index into `listening`, host.
    hosts: Vec<(usize, Name)>,
}

impl Names {
    /// The names in this place of a scenario whose servers listen there.
    pub(crate) fn new(place: Place, scenario: &Scenario, listening: Vec<Listening>) -> Self {
        let hosts = listening.iter().enumerate().flat_map(|(index, it)| {
            let hosts = scenario.servers[it.server].hosts.iter();
            hosts.map(move |host| (index, host.clone()))
        });
        Self {
            hosts: hosts.collect(),
            listening,
            place,
        }
    }

    /// Where the servers stand.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The same, with pages that are served here too.
    pub(crate) fn with_pages(mut self, server: usize, hosts: &[Name], here: u16) -> Self {
        let index = self.listening.len();
        let port = 443;
        self.listening.push(Listening { server, port, here });
        self.hosts
            .extend(hosts.iter().map(|host| (index, host.clone())));
        self
    }

    /// Each host under its name on this machine, with its port here.
    pub(crate) fn here(&self) -> impl Iterator<Item = (String, u16)> {
        self.hosts
            .iter()
            .map(|(index, name)| (self.place.host(name), self.listening[*index].here))
    }

    /// Each host of the scenario and its origin on this machine.
    pub(crate) fn origins(&self) -> impl Iterator<Item = (&Name, String)> {
        self.hosts.iter().map(|(index, name)| {
            let port = self.listening[*index].here;
            (name, format!("https://{}:{port}", self.place.host(name)))
        })
    }

    /// A URL of the scenario as it is reached on this machine.
    pub(crate) fn url(&self, target: &Target) -> String {
        let port = self.port_here(&target.host, target.port);
        let host = self.place.host(&target.host);
        format!("https://{host}:{port}{}", target.path)
    }

    /// A scenario as it is on this machine: for who takes its steps without being told of each.
    pub(crate) fn scenario(&self, scenario: &Scenario) -> Scenario {
        let mut here = scenario.clone();
        for (server, plan) in here.servers.iter_mut().enumerate() {
            let of = |port: u16| move |it: &&Listening| (it.server, it.port) == (server, port);
            for port in &mut plan.ports {
                let known = self.listening.iter().find(of(*port));
                *port = known.map_or(*port, |it| it.here);
            }
            let hosts = plan.hosts.iter_mut();
            let ruled = plan.host_rules.iter_mut().map(|it| &mut it.host);
            hosts
                .chain(ruled)
                .for_each(|it| *it = self.place.host(it).into());
        }
        let held = here.identities.iter_mut().flat_map(|it| &mut it.hosts);
        held.for_each(|it| *it = self.place.host(it).into());
        for step in &mut here.steps {
            if let Action::Exchange(exchange) = &mut step.action {
                exchange.url.port = self.port_here(&exchange.url.host, exchange.url.port);
                exchange.url.host = self.place.host(&exchange.url.host).into();
                exchange.from = self.translated(&exchange.from).into();
                exchange.top = self.translated(&exchange.top).into();
            }
        }
        here
    }

    /// An absolute URL of the scenario, or an origin, as it is here; what is no URL of a server here is left as it is.
    pub(crate) fn translated(&self, text: &str) -> String {
        let Ok(mut url) = url::Url::parse(text) else {
            return text.to_owned();
        };
        let Some(name) = url.host_str().map(Name::new) else {
            return text.to_owned();
        };
        let port = self.port_here(&name, url.port().unwrap_or(443));
        // Both are valid parts of a URL, or were not changed.
        let _ = url.set_host(Some(&self.place.host(&name)));
        let _ = url.set_port(Some(port));
        match text.ends_with('/') {
            true => url.to_string(),
            false => url.as_str().trim_end_matches('/').to_owned(),
        }
    }

    fn port_here(&self, name: &str, port: u16) -> u16 {
        let known = self.hosts.iter().find_map(|(index, host)| {
            let listening = &self.listening[*index];
            (host == name && listening.port == port).then_some(listening.here)
        });
        known.unwrap_or(port)
    }

    /// What a client calls a host and port here, as the scenario has it: `Host`, `:authority`.
    pub(crate) fn authority(&self, here: &str) -> Name {
        let (name, port) = match here.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().ok()),
            None => (here, None),
        };
        let known = self
            .listening
            .iter()
            .find(|it| Some(it.here) == port)
            .map(|it| it.port);
        match known.or(port) {
            None | Some(443) => self.host(name),
            Some(port) => Name::from(format!("{}:{port}", self.host(name))),
        }
    }

    /// The scenario's name of a host of this machine.
    pub(crate) fn host(&self, here: &str) -> Name {
        let known = self
            .hosts
            .iter()
            .find(|(_, name)| self.place.host(name) == here);
        known.map_or_else(|| Name::new(here), |(_, name)| name.clone())
    }

    /// An origin as the scenario has it.
    pub(crate) fn origin(&self, here: &str) -> Name {
        match here.strip_prefix("https://") {
            Some(authority) => Name::from(format!("https://{}", self.authority(authority))),
            None => Name::new(here),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bareflight_harness::scenario::Server;

    fn names() -> Names {
        names_below("localhost")
    }

    fn names_below(domain: &str) -> Names {
        let scenario = Scenario {
            servers: vec![Server {
                hosts: vec![Name::new("api.test"), Name::new("localhost")],
                ports: vec![443, 8443],
                ..Server::default()
            }],
            ..Scenario::default()
        };
        let at = |port, here| Listening {
            server: 0,
            port,
            here,
        };
        let place = Place::new(domain.parse().ok(), None).unwrap();
        Names::new(place, &scenario, vec![at(443, 40_001), at(8443, 40_002)])
    }

    #[test]
    fn there_and_back() {
        let table = [
            ("https://api.test", "https://api.localhost:40001"),
            ("https://api.test:8443", "https://api.localhost:40002"),
            ("https://localhost", "https://localhost:40001"),
        ];
        for (there, here) in table {
            assert_eq!(names().translated(there), here);
            assert_eq!(names().origin(here), there);
        }
        assert_eq!(names().translated("null"), "null");
        assert_eq!(names().translated("*"), "*");
        assert_eq!(names().authority("api.localhost:40002"), "api.test:8443");
        assert_eq!(
            names().translated("https://api.test/a?b=c"),
            "https://api.localhost:40001/a?b=c"
        );
    }

    #[test]
    fn what_is_not_known_is_its_own() {
        assert_eq!(names().host("api.localhost"), "api.test");
        assert_eq!(names().host("localhost"), "localhost");
        assert_eq!(names().host("elsewhere.localhost"), "elsewhere.localhost");
    }

    /// It asks for what is here, and the log has it as it was.
    #[test]
    fn a_scenario_stands_here_as_a_whole() {
        let text = "bareflight = 1\n[server.api]\nhosts = [\"api.test\", \"localhost\"]\nports = [443, 8443]\n\
                    [identity.alice]\nfor = [\"api.test\"]\n\
                    [[step]]\nfetch = \"https://api.test:8443/a\"\nfrom = \"https://api.test\"\n\
                    top = \"https://app.test\"\n";
        let there = Scenario::from_toml(text).unwrap();
        let here = names().scenario(&there);
        assert_eq!(here.servers[0].hosts, ["api.localhost", "localhost"]);
        assert_eq!(here.servers[0].ports, [40_001, 40_002]);
        assert_eq!(here.identities[0].hosts, ["api.localhost"]);
        let Action::Exchange(exchange) = &here.steps[0].action else {
            panic!("{here:?}");
        };
        assert_eq!(exchange.url.to_url(), "https://api.localhost:40002/a");
        assert_eq!(exchange.from, "https://api.localhost:40001");
        assert_eq!(exchange.top, "https://app.localhost");
        assert!(here.server_of("api.localhost", 40_002).is_some());
    }

    #[test]
    fn another_domain_is_translated_too() {
        let names = names_below("lab.example");
        for (there, here) in [
            ("https://api.test:8443", "https://api.lab.example:40002"),
            ("https://localhost", "https://lab.example:40001"),
        ] {
            assert_eq!(names.translated(there), here);
            assert_eq!(names.origin(here), there);
        }
    }

    #[test]
    fn pages_have_names_of_their_own() {
        let names = names().with_pages(1, &[Name::new("app.test")], 40_003);
        assert_eq!(
            names.translated("https://app.test"),
            "https://app.localhost:40003"
        );
        assert_eq!(
            names.origin("https://app.localhost:40003"),
            "https://app.test"
        );
    }
}
