//! Which step does a request belong to? What the server sees decides: a token in the URL that the client was given, or else the
//! step under way.

use bareflight_harness::case::Case;
use bareflight_harness::log::{Cause, Event, Log};

/// The query parameter that carries the token.
const PARAMETER: &str = "bareflight";

/// A step's index and how many redirects led on from it: `bareflight=3.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) step: u16,
    pub(crate) hop: u8,
}

impl Token {
    /// Puts the token into a URL, or a path.
    pub(crate) fn attach(self, url: &str) -> String {
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}{PARAMETER}={}.{}", self.step, self.hop)
    }

    /// Takes the token out of a path and query.
    pub(crate) fn detach(target: &str) -> (String, Option<Self>) {
        let Some((path, query)) = target.split_once('?') else {
            return (target.to_owned(), None);
        };
        let is_token = |pair: &&str| {
            pair.strip_prefix(PARAMETER)
                .is_some_and(|rest| rest.starts_with('='))
        };
        let token = query.split('&').find(is_token).and_then(Self::parse);
        let rest: Vec<&str> = query.split('&').filter(|pair| !is_token(pair)).collect();
        let stripped = match rest.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", rest.join("&")),
        };
        (stripped, token)
    }

    fn parse(pair: &str) -> Option<Self> {
        let (_, value) = pair.split_once('=')?;
        let (step, hop) = value.split_once('.')?;
        Some(Self {
            step: step.parse().ok()?,
            hop: hop.parse().ok()?,
        })
    }
}

/// What a request was sent for: its token says, or the only request of the step under way that goes to this server.
pub(crate) fn cause_of_request(
    case: &Case<'_>,
    token: Option<Token>,
    under_way: Option<u16>,
    server: usize,
    preflight: bool,
) -> Option<Cause> {
    let known = token.filter(|it| case.hop(it.step, it.hop).is_some());
    match known {
        Some(token) => Some(Cause {
            step: token.step,
            hop: token.hop,
            preflight,
        }),
        None => only_hop(case, under_way?, server).map(|(step, hop)| Cause {
            step,
            hop,
            preflight,
        }),
    }
}

/// What a connection was opened for, before any request tells: the only request of the step under way that goes to its server,
/// if no preflight comes first, which could as well have been the reason.
pub(crate) fn cause_of_connection(
    case: &Case<'_>,
    under_way: Option<u16>,
    server: usize,
) -> Option<Cause> {
    let (step, hop) = only_hop(case, under_way?, server)?;
    let asks_first = case.profile.speaks_cors.value && case.hop(step, hop)?.needs_preflight();
    (!asks_first).then_some(Cause {
        step,
        hop,
        preflight: false,
    })
}

/// Tells afterwards what the connections of a step were for that failed before a request was seen of it: its preflight, if one was
/// due and no server had answered one that could have been kept.
pub(crate) fn blame_the_preflight(case: &Case<'_>, log: &mut Log, step: u16) {
    let due = case
        .hop(step, 0)
        .is_some_and(|hop| case.profile.speaks_cors.value && hop.needs_preflight());
    let requests = || {
        log.records.iter().filter_map(|it| match &it.event {
            Event::Request(request) => Some(request),
            _ => None,
        })
    };
    if !due || requests().any(|it| it.step == Some(step) || it.preflight) {
        return;
    }
    let cause = Cause {
        step,
        hop: 0,
        preflight: true,
    };
    let events = log.records.iter_mut().map(|it| &mut it.event);
    for event in events.skip_while(|it| **it != Event::Step { step }) {
        if let Event::Connection(connection) = event {
            connection.cause.get_or_insert(cause);
        }
    }
}

fn only_hop(case: &Case<'_>, step: u16, server: usize) -> Option<(u16, u8)> {
    let hops = (0..=u8::MAX).map_while(|hop| Some((hop, case.hop(step, hop)?)));
    let mut here = hops.filter(|(_, it)| usize::from(it.server) == server);
    let (hop, _) = here.next()?;
    here.next().is_none().then_some((step, hop))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bareflight_harness::case::Vocabulary;
    use bareflight_harness::log::{Connection, Record};
    use bareflight_harness::scenario::{Name, Scenario};

    /// A browser that stops where it is asked sends nothing. Then the connection was for the preflight, which comes first.
    #[test]
    fn a_connection_without_a_request_was_for_the_preflight() {
        let text = |method: &str| {
            format!(
                "bareflight = 1\n[server.api]\nhosts = [\"api.test\"]\n[[step]]\n\
                 fetch = \"https://api.test/\"\nmethod = \"{method}\"\n"
            )
        };
        for (method, expected) in [("PUT", true), ("GET", false)] {
            let scenario = Scenario::from_toml(&text(method)).unwrap();
            let mut vocabulary = Vocabulary::default();
            let case = Case::new(&scenario, &mut vocabulary);
            let opened = Connection::opened(1, Name::new("api"), 443, None);
            let mut log = Log::default();
            for event in [Event::Step { step: 0 }, Event::Connection(opened)] {
                log.records.push(Record { at: 0, event });
            }
            blame_the_preflight(&case, &mut log, 0);
            let Event::Connection(connection) = &log.records[1].event else {
                panic!("{log:?}");
            };
            let blamed = connection.cause.is_some_and(|it| it.preflight);
            assert_eq!(blamed, expected, "{method}");
        }
    }

    #[test]
    fn a_token_goes_in_and_comes_out() {
        let token = Token { step: 12, hop: 3 };
        for target in ["/", "/items?a=b", "/items?a=b&c", "/?bareflightly=1"] {
            let (back, found) = Token::detach(&token.attach(target));
            assert_eq!((back.as_str(), found), (target, Some(token)));
        }
        for target in ["/items", "/items?a=1.2", "/?bareflight", "/?"] {
            assert_eq!(Token::detach(target), (target.to_owned(), None));
        }
        for nonsense in ["/?bareflight=", "/?bareflight=x.1", "/?bareflight=99999.0"] {
            assert_eq!(Token::detach(nonsense), ("/".to_owned(), None));
        }
    }
}
