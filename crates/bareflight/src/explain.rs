//! `bareflight explain`: what was asked, what rode which connection and why, what the handshake showed, what is broken?

use core::fmt::Write;

use bareflight_harness::invariants::Violation;
use bareflight_harness::scenario::Step;
use bareflight_harness::tier::TierName;

use crate::cli::ExplainArgs;
use crate::drawing;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::input;
use crate::judge::{Judged, Runners, case_of, judge_recorded};
use crate::output::{self, BAD, BOLD, DIM, GOOD, WARN, count, styled};
use crate::story::{self, Act, Story, What};

pub(crate) fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let input = input::read(&args.file)?;
    let fault = args.how.fault;
    let recorded = input.recorded_for(&args.how);
    let (judged, tier) = match recorded {
        Some(recorded) => (
            judge_recorded(&input.scenario, recorded),
            recorded.tier.as_str(),
        ),
        None => {
            let tier = args.how.tier.unwrap_or(TierName::Model);
            (
                Runners::default().judge(tier, &input.scenario, fault)?,
                tier.as_str(),
            )
        }
    };
    let case = case_of(&input.scenario, fault);
    let story = Story::of(&case, &judged.log, &judged.violations);
    if let Some(step) = args
        .step
        .filter(|step| usize::from(*step) > input.scenario.steps.len())
    {
        let steps = count(input.scenario.steps.len() as u64, "step");
        return Err(Failure::Usage(format!(
            "there is no step {step}: the scenario has {steps}"
        )));
    }
    if let Some(path) = &args.svg {
        files::write_new(path, drawing::standalone(&story).as_bytes())?;
    }
    if let Some(path) = &args.log {
        files::write_new(
            path,
            judged.log.to_json_lines(&input.scenario, tier).as_bytes(),
        )?;
    }
    let how = match (recorded, fault) {
        (Some(_), _) => format!("as recorded on {tier}"),
        (None, Some(fault)) => format!("on {tier} with the fault {}", fault.name),
        (None, None) => format!("on {tier}"),
    };
    let mut text = format!(
        "{}, {how}, profile {}\n",
        args.file.display(),
        case.profile.name
    );
    tell(&mut text, &story, args.step);
    verdict(&mut text, &judged);
    output::print(&text)?;
    Ok(judged.exit())
}

/// Tells the story, or one step of it.
fn tell(text: &mut String, story: &Story<'_>, only: Option<u16>) {
    let scenario = story.case.scenario;
    if !scenario.title.is_empty() && only.is_none() {
        let _ = writeln!(text, "{}", styled(DIM, scenario.title.trim_end()));
    }
    let mut current = None;
    for act in &story.acts {
        if let What::Step(step) = act.what {
            current = act.step;
            if wanted(act, current, only) {
                begin(text, story, act, step);
            }
        } else if wanted(act, current, only) {
            let other = act.step.is_some() && act.step != current;
            let whose = if other {
                format!("step {}: ", story::number(act.step))
            } else {
                String::new()
            };
            let _ = writeln!(text, "  {whose}{}", words(story, act));
        }
        if wanted(act, current, only) {
            for violation in &act.broken {
                let what = format!("{}: {}", violation.invariant.name, violation.message);
                let _ = writeln!(text, "  {} {what}", styled(BAD, "BROKEN"));
            }
        }
    }
}

/// An act belongs to the step that it says, else to the last that began.
fn wanted(act: &Act<'_>, current: Option<u16>, only: Option<u16>) -> bool {
    only.is_none_or(|only| act.step.or(current) == Some(only - 1))
}

fn begin(text: &mut String, story: &Story<'_>, act: &Act<'_>, step: &Step) {
    let title = format!(
        "step {}: {}",
        story::number(act.step),
        story::step_title(story.case.scenario, step)
    );
    let title = styled(BOLD, &title);
    let at = if act.at > 0 {
        styled(DIM, &format!("  at {}", seconds(act.at)))
    } else {
        String::new()
    };
    let _ = writeln!(text, "\n{title}{at}");
    let details = story::step_details(story.case.scenario, step);
    if !details.is_empty() {
        let _ = writeln!(text, "  {}", styled(DIM, &details));
    }
    if let Some(hop) = act.step.and_then(|step| story.case.hop(step, 0)) {
        let preflight = if hop.needs_preflight() {
            "a preflight is due"
        } else {
            "no preflight"
        };
        let credentials = if hop.include_credentials {
            "true"
        } else {
            "false"
        };
        let partition = story.case.partition_name(hop);
        let _ = writeln!(
            text,
            "  {}",
            styled(
                DIM,
                &format!("{preflight}, includeCredentials {credentials}, partition {partition}")
            ),
        );
    }
}

fn words(story: &Story<'_>, act: &Act<'_>) -> String {
    match &act.what {
        What::Step(_) => String::new(),
        What::Handshake { lane } => {
            let lane = &story.lanes[*lane];
            let event = lane.event;
            let cause = event
                .cause
                .map_or_else(String::new, |cause| format!(" for {}", story::cause(cause)));
            let failed = event
                .failed
                .as_ref()
                .map_or_else(String::new, |why| format!("; failed: {why}"));
            format!(
                "connection #{} to {}{cause}: {}, {}; {}{failed}",
                event.id,
                story::peer(event),
                story::protocol(event),
                story::handshake(lane),
                story::shown(event),
            )
        }
        What::Request {
            lane,
            request,
            reused,
            status,
        } => {
            let how = story::rides(request, *reused);
            let how = how.unwrap_or_else(|| "first on it".to_owned());
            let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            let origin = request
                .origin
                .as_ref()
                .map_or_else(String::new, |origin| format!(", Origin: {origin}"));
            format!(
                "{} {}{} on #{} ({how}; {}{origin}) -> {status}",
                request.method,
                request.authority,
                request.target,
                story.lanes[*lane].event.id,
                story.carries(request),
            )
        }
        What::Late { lane, late } => {
            format!("#{}: {}", story.lanes[*lane].event.id, story::late(late))
        }
        What::Ticket { lane, ticket } => {
            format!(
                "#{}: session {} issued, for {} s",
                story.lanes[*lane].event.id, ticket.session, ticket.lifetime
            )
        }
        What::Prompt => "the user is asked to choose a certificate".to_owned(),
        What::Closed { lane } => format!("#{} closed", story.lanes[*lane].event.id),
        What::Outcome(outcome) => format!("outcome: {}", styled(BOLD, &story::outcome(outcome))),
    }
}

fn verdict(text: &mut String, judged: &Judged) {
    text.push('\n');
    for violation in &judged.violations {
        rule(text, violation);
    }
    for it in &judged.mismatches {
        let _ = writeln!(
            text,
            "{} of step {}: {}",
            styled(BAD, "expectation"),
            story::number(Some(it.step)),
            it.message
        );
    }
    let _ = match (judged.violations.len(), judged.mismatches.len()) {
        (0, 0) => match judged.cut_off() {
            Some(why) => writeln!(text, "{}: {why}", styled(WARN, "not decided")),
            None => writeln!(text, "{}", styled(GOOD, "all invariants hold")),
        },
        (broken, unmet) => writeln!(
            text,
            "{}",
            styled(
                BAD,
                &format!(
                    "{}, {} not met",
                    count(broken as u64, "violation"),
                    count(unmet as u64, "expectation")
                )
            ),
        ),
    };
}

fn rule(text: &mut String, violation: &Violation) {
    let invariant = violation.invariant;
    let _ = writeln!(
        text,
        "{} at record {}: {}",
        styled(BAD, invariant.name),
        violation.record + 1,
        violation.message
    );
    let _ = writeln!(text, "  holds when {}", invariant.sentence);
    let _ = writeln!(text, "  {}", styled(DIM, invariant.section));
}

/// `1.5 s`
pub(crate) fn seconds(milliseconds: u64) -> String {
    match milliseconds % 1_000 {
        0 => format!("{} s", milliseconds / 1_000),
        rest => format!("{}.{rest:03} s", milliseconds / 1_000),
    }
}
