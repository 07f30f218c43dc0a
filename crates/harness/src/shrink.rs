//! From a scenario that shows something to the smallest one that still does.

use crate::scenario::{Action, Exchange, Scenario, Server, Step};

/// Removes and simplifies, as long as `shows` holds, until nothing more can go. `shows` must hold for `scenario`.
///
/// Deterministic, and bounded: each attempt that counts makes the scenario smaller or plainer.
pub fn shrink(scenario: &Scenario, mut shows: impl FnMut(&Scenario) -> bool) -> Scenario {
    let mut best = scenario.clone();
    loop {
        let before = best.clone();
        fewer_steps(&mut best, &mut shows);
        plainer(&mut best, &mut shows);
        if best == before {
            return best;
        }
    }
}

/// Drops blocks of steps, large ones first.
fn fewer_steps(best: &mut Scenario, shows: &mut impl FnMut(&Scenario) -> bool) {
    let mut size = best.steps.len().max(1);
    while size > 0 {
        let mut start = 0;
        while start < best.steps.len() {
            let mut candidate = best.clone();
            let end = (start + size).min(candidate.steps.len());
            candidate.steps.drain(start..end);
            if !attempt(best, candidate, shows) {
                start += size;
            }
        }
        size /= 2;
    }
}

fn plainer(best: &mut Scenario, shows: &mut impl FnMut(&Scenario) -> bool) {
    for index in (0..best.identities.len()).rev() {
        try_change(best, shows, |it| {
            it.identities.remove(index);
        });
    }
    for index in (0..best.servers.len()).rev() {
        if best.servers.len() > 1 {
            try_change(best, shows, |it| {
                it.servers.remove(index);
            });
        }
    }
    try_change(best, shows, |it| it.title.clear());
    try_change(best, shows, |it| it.profile = Scenario::DEFAULT_PROFILE);
    for index in 0..best.servers.len() {
        for change in SERVER {
            try_change(best, shows, |it| {
                change(&mut it.servers[index], &Server::default());
            });
        }
    }
    for index in 0..best.steps.len() {
        try_change(best, shows, |it| it.steps[index].overlap = None);
        try_change(best, shows, |it| it.steps[index].expect = None);
        for change in EXCHANGE {
            try_change(best, shows, |it| {
                if let Step {
                    action: Action::Exchange(exchange),
                    ..
                } = &mut it.steps[index]
                {
                    change(exchange, &Exchange::default());
                }
            });
        }
    }
}

type Change<T> = fn(&mut T, &T);

/// One field of a server at a time, back to its default.
const SERVER: [Change<Server>; 8] = [
    |it, default| it.tls = default.tls,
    |it, default| it.alpn = default.alpn,
    |it, default| it.tickets = default.tickets,
    |it, default| it.ticket_lifetime = default.ticket_lifetime,
    |it, default| it.certificate = default.certificate,
    |it, default| it.cors = default.cors.clone(),
    |it, _| it.redirects.clear(),
    |it, _| {
        it.hosts.truncate(1);
        it.ports.truncate(1);
    },
];

/// One field of an exchange at a time, back to its default.
const EXCHANGE: [Change<Exchange>; 9] = [
    |it, default| it.method = default.method.clone(),
    |it, _| it.headers.clear(),
    |it, default| it.mode = default.mode,
    |it, default| it.body = default.body,
    |it, _| it.upload_listener = false,
    |it, _| it.top = it.from.clone(),
    |it, default| {
        it.from = default.from.clone();
        it.top = default.top.clone();
    },
    |it, _| it.identity = None,
    |it, default| it.trust = default.trust,
];

fn try_change(
    best: &mut Scenario,
    shows: &mut impl FnMut(&Scenario) -> bool,
    change: impl FnOnce(&mut Scenario),
) {
    let mut candidate = best.clone();
    change(&mut candidate);
    attempt(best, candidate, shows);
}

/// Takes the candidate if it is different, still valid, and still shows what it must.
fn attempt(
    best: &mut Scenario,
    mut candidate: Scenario,
    shows: &mut impl FnMut(&Scenario) -> bool,
) -> bool {
    candidate.fixup();
    let taken = candidate != *best && shows(&candidate);
    if taken {
        *best = candidate;
    }
    taken
}
