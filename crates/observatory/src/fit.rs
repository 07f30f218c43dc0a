//! Which profile of the policy is a browser like? The one from which the fewest facts differ; real logs thereby check the profiles.

use bareflight_policy::{PROFILES, Profile};
use serde::Serialize;

use crate::facts::Facts;
use crate::verdict::Verdict;

/// The profiles that fit best, and what differs from the first of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// Their names. Profiles that are told apart by nothing that was seen fit equally well.
    pub profiles: Vec<&'static str>,
    /// What was seen and is not in the first one, in words.
    pub differs: Vec<String>,
    /// The profile that the policy has for it, if there is one.
    pub own: Option<&'static str>,
    /// What was seen and is not in its own, in words.
    pub differs_from_own: Vec<String>,
}

/// A trait that both a profile and a client have.
struct Trait {
    what: &'static str,
    seen: Option<bool>,
    is: fn(&Profile) -> bool,
}

impl Fit {
    /// The profiles that fit what was seen of a client that speaks CORS. `continues` is the verdict on *preflight-continues*.
    pub fn of(facts: &Facts, continues: Verdict) -> Self {
        let traits = traits(facts, continues);
        let all = || PROFILES.iter().filter(|it| it.speaks_cors.value);
        let fewest = all().map(|it| differing(&traits, it).count()).min();
        let best: Vec<_> = all()
            .filter(|it| Some(differing(&traits, it).count()) == fewest)
            .collect();
        let first = best.first().copied().unwrap_or(Profile::fetch());
        Self {
            profiles: best.iter().map(|it| it.name).collect(),
            differs: differing(&traits, first).collect(),
            own: None,
            differs_from_own: Vec::new(),
        }
    }

    /// Beside them the profile that the policy has for this client.
    pub(crate) fn and_own(&mut self, own: &'static str, facts: &Facts, continues: Verdict) {
        self.own = Some(own);
        if let Some(profile) = Profile::from_name(own) {
            self.differs_from_own = differing(&traits(facts, continues), profile).collect();
        }
    }
}

/// What was seen and is not in a profile.
fn differing(traits: &[Trait], profile: &Profile) -> impl Iterator<Item = String> {
    traits.iter().filter_map(|it| {
        let (seen, is) = (it.seen?, (it.is)(profile));
        let answer = |yes| if yes { "yes" } else { "no" };
        (seen != is).then(|| {
            format!(
                "{}: {}, the profile says {}",
                it.what,
                answer(seen),
                answer(is)
            )
        })
    })
}

fn traits(facts: &Facts, continues: Verdict) -> [Trait; 5] {
    let aborts = match continues {
        Verdict::Broken => Some(true),
        Verdict::Holds => Some(false),
        Verdict::Unstable | Verdict::NotApplicable => None,
    };
    [
        Trait {
            what: "a preflight presents the certificate",
            seen: facts.preflight_presents_certificate,
            is: |it| !it.keeps_preflights_bare(),
        },
        Trait {
            what: "a preflight stops where the server asks",
            seen: aborts,
            is: Profile::aborts_preflights,
        },
        Trait {
            what: "a request without credentials presents the certificate",
            seen: facts.omit_presents_certificate,
            is: |it| !it.keeps_omit_bare(),
        },
        Trait {
            what: "connections are kept apart by credentials",
            seen: facts.separate_connections_by_credentials,
            is: |it| it.connections_split_by_credentials.value,
        },
        Trait {
            what: "connections are kept apart by network partition",
            seen: facts.separate_connections_by_partition,
            is: |it| it.connections_partitioned.value,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(preflight: bool, omit: bool, credentials: bool, partition: bool) -> Facts {
        Facts {
            preflight_presents_certificate: Some(preflight),
            omit_presents_certificate: Some(omit),
            separate_connections_by_credentials: Some(credentials),
            separate_connections_by_partition: Some(partition),
            ..Facts::default()
        }
    }

    #[test]
    fn each_profile_fits_itself() {
        for profile in PROFILES.iter().filter(|it| it.speaks_cors.value) {
            let facts = facts(
                !profile.keeps_preflights_bare(),
                !profile.keeps_omit_bare(),
                profile.connections_split_by_credentials.value,
                profile.connections_partitioned.value,
            );
            let continues = match profile.aborts_preflights() {
                true => Verdict::Broken,
                false => Verdict::Holds,
            };
            let fit = Fit::of(&facts, continues);
            assert!(fit.profiles.contains(&profile.name), "{fit:?}");
            assert_eq!(fit.differs, [""; 0]);
        }
    }

    #[test]
    fn what_differs_is_told() {
        let fit = Fit::of(&facts(true, false, true, true), Verdict::Holds);
        assert_eq!(fit.differs.len(), 1, "{fit:?}");
        let (facts, continues) = (facts(true, true, true, true), Verdict::Holds);
        let mut fit = Fit::of(&facts, continues);
        fit.and_own("firefox", &facts, continues);
        assert_eq!(fit.differs_from_own.len(), 2, "{fit:?}");
        let nothing = Fit::of(&Facts::default(), Verdict::NotApplicable);
        assert!(nothing.profiles.len() > 3 && nothing.differs.is_empty());
    }
}
