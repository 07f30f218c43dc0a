//! How does a log look? Connections as lanes, requests as boxes on them, time downwards, and what broke marked where it
//! broke.
//!
//! One component draws any log. Text is set in lines of estimated width and cut where it would not fit, for SVG wraps
//! nothing by itself.

mod svg;

use core::fmt::Write;

use bareflight_harness::invariants::Violation;
use bareflight_harness::log::Client;
use bareflight_harness::scenario::Step;

use crate::explain::seconds;
use crate::story::{self, Act, Lane, Story, What};
use svg::{Anchor, Svg};

/// The style of all drawings, light and dark.
pub(crate) const CSS: &str = include_str!("style.css");

/// Width of a lane and the gap beside it.
const LANE: u32 = 166;
const GAP: u32 = 12;
/// Space at the edges.
const MARGIN: u32 = 6;
/// The least width, so that the titles of steps have room.
const NARROWEST: u32 = 340;
/// The greatest width of running text: a line that is longer is hard to read, and a phone has to be moved sideways.
const WIDEST: u32 = 620;
/// From one line of text to the next.
const LINE: u32 = 15;
/// Between one row and the next.
const SPACE: u32 = 7;

/// A drawing as a file of its own.
pub(crate) fn standalone(story: &Story<'_>) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n",
        draw(story, Some(CSS))
    )
}

/// A drawing to be put into a page that contains [`CSS`].
pub(crate) fn inline(story: &Story<'_>) -> String {
    draw(story, None)
}

fn draw(story: &Story<'_>, css: Option<&str>) -> String {
    let columns = columns(&story.lanes);
    let count = columns.iter().max().map_or(0, |last| last + 1);
    let width = (2 * MARGIN + count * (LANE + GAP))
        .saturating_sub(GAP)
        .max(NARROWEST);
    let mut canvas = Canvas {
        story,
        width,
        y: MARGIN,
        back: Svg::default(),
        front: Svg::default(),
        tops: vec![None; story.lanes.len()],
        columns,
        current: None,
    };
    for acts in story.acts.chunk_by(issue_together) {
        canvas.acts(acts);
    }
    canvas.finish(css)
}

/// The drawing so far.
struct Canvas<'s> {
    story: &'s Story<'s>,
    width: u32,
    /// Where the next row begins.
    y: u32,
    /// The lines of the lanes, which boxes cover.
    back: Svg,
    front: Svg,
    /// Where the line of each lane begins; none before its handshake and after its end.
    tops: Vec<Option<u32>>,
    /// Where each lane stands, from the left.
    columns: Vec<u32>,
    /// The step that began last.
    current: Option<u16>,
}

impl Canvas<'_> {
    /// Acts that are told together: one, or the sessions that a server issues in one go.
    fn acts(&mut self, acts: &[Act<'_>]) {
        let numbers: Vec<_> = acts
            .iter()
            .filter_map(issued)
            .map(|(_, number)| number.to_string())
            .collect();
        match (acts, acts.first().and_then(issued)) {
            ([_, _, ..], Some((lane, _))) => self.note(
                lane,
                &format!("sessions {}", numbers.join(", ")),
                "soft",
                false,
            ),
            _ => acts.iter().for_each(|act| self.act(act)),
        }
    }

    fn act(&mut self, act: &Act<'_>) {
        let broken = !act.broken.is_empty();
        match &act.what {
            What::Step(step) => self.step(act, step),
            What::Handshake { lane } => self.handshake(*lane, broken),
            What::Request { lane, .. } => self.request(*lane, act, broken),
            What::Late { lane, late } => self.note(*lane, &story::late(late), "late", broken),
            What::Ticket { lane, ticket } => self.note(
                *lane,
                &format!("session {}", ticket.session),
                "soft",
                broken,
            ),
            What::Closed { lane } => self.closed(*lane, broken),
            What::Prompt => self.line(act, "the user is asked to choose a certificate", "prompt"),
            What::Outcome(outcome) => self.line(act, &story::outcome(outcome), "outcome"),
        }
        for violation in &act.broken {
            self.violation(violation, act.what.lane());
        }
    }

    fn step(&mut self, act: &Act<'_>, step: &Step) {
        self.current = act.step;
        let scenario = self.story.case.scenario;
        let at = if act.at > 0 {
            seconds(act.at)
        } else {
            String::new()
        };
        let room = self.text_width() - 24;
        let title = svg::clip(
            &story::step_title(scenario, step),
            room - 8 - svg::width(&at, svg::SMALL),
            svg::BOLD,
        );
        let details = svg::wrap(&story::step_details(scenario, step), room, svg::SMALL, 3);
        let height = LINE * (u32::try_from(details.len()).unwrap_or(0) + 1) + 10;
        self.y += SPACE;
        // Covers the lanes, which go on below it: a line through a text reads badly.
        self.front
            .rect("paper", (MARGIN, self.y), (self.text_width(), height), 0);
        self.front
            .line("rule", (MARGIN, self.y), (self.width - MARGIN, self.y));
        let y = self.y + LINE + 3;
        self.front.text(
            "number",
            (MARGIN, y),
            Anchor::Start,
            &story::number(act.step),
        );
        self.front
            .text("title", (MARGIN + 24, y), Anchor::Start, &title);
        self.front
            .text("soft", (MARGIN + self.text_width(), y), Anchor::End, &at);
        for (line, y) in details.iter().zip((y + LINE..).step_by(LINE as usize)) {
            self.front
                .text("soft", (MARGIN + 24, y), Anchor::Start, line);
        }
        self.y += height;
    }

    fn handshake(&mut self, index: usize, broken: bool) {
        let lane = &self.story.lanes[index];
        let event = lane.event;
        let failed = event
            .failed
            .as_ref()
            .map_or_else(String::new, |why| format!("failed: {why}"));
        let mut lines = vec![
            story::protocol(event),
            story::handshake(lane),
            story::shown(event),
        ];
        lines.extend(svg::wrap(&failed, LANE - 16, svg::SMALL, 3));
        let x = self.x(index);
        if let Some(from) = lane
            .issuer
            .and_then(|id| self.story.lanes.iter().position(|lane| lane.event.id == id))
        {
            self.inheritance(from, index);
        }
        let height = LINE * (u32::try_from(lines.len()).unwrap_or(0) + 1) + 8;
        self.front.rect(
            &format!("handshake {}{}", state(lane), mark(broken)),
            (x, self.y),
            (LANE, height),
            9,
        );
        let title = svg::clip(
            &format!("#{} {}", event.id, story::peer(event)),
            LANE - 16,
            svg::BOLD,
        );
        self.front
            .text("title", (x + 8, self.y + LINE), Anchor::Start, &title);
        for (line, y) in lines
            .iter()
            .zip((self.y + 2 * LINE..).step_by(LINE as usize))
        {
            self.front.text(
                "word",
                (x + 8, y),
                Anchor::Start,
                &svg::clip(line, LANE - 16, svg::SMALL),
            );
        }
        self.y += height;
        self.tops[index] = (event.failed.is_none()).then_some(self.y);
        self.y += SPACE;
    }

    /// The session goes from the connection that issued it to the one that offers it.
    fn inheritance(&mut self, from: usize, to: usize) {
        let y = self.y + LINE;
        let start = self.x(from) + LANE / 2;
        let (end, head) = if from < to {
            (self.x(to), -7)
        } else {
            (self.x(to) + LANE, 7)
        };
        self.front.line("inherits", (start, y), (end, y));
        self.front.arrow("inherits-head", (end, y), head);
        self.front.dot("inherits-head", (start, y));
    }

    fn request(&mut self, index: usize, act: &Act<'_>, broken: bool) {
        let What::Request {
            request,
            reused,
            status,
            ..
        } = &act.what
        else {
            return;
        };
        let (x, y) = (self.x(index), self.y);
        let includes = self
            .story
            .hop(request)
            .is_some_and(|hop| hop.include_credentials);
        let kind = match (request.preflight, includes) {
            (true, _) => "preflight",
            (false, true) => "credentialed",
            (false, false) => "plain",
        };
        let status = status.map_or_else(|| "–".to_owned(), |status| status.to_string());
        let mut below = self.story.carries(request);
        if let Some(how) = story::rides(request, *reused) {
            below = format!("{how}; {below}");
        }
        if act.step != self.current {
            below = format!("step {}: {below}", story::number(act.step));
        }
        let lines = svg::wrap(&below, LANE - 16, svg::SMALL, 3);
        let height = LINE * (u32::try_from(lines.len()).unwrap_or(0) + 1) + 8;
        self.front.rect(
            &format!("request {kind}{}", mark(broken)),
            (x, y),
            (LANE, height),
            3,
        );
        let title = format!("{} {}", request.method, request.target);
        let title = svg::clip(&title, LANE - 16 - 36, svg::BOLD);
        self.front
            .text("title", (x + 8, y + LINE), Anchor::Start, &title);
        self.front
            .text("word", (x + LANE - 8, y + LINE), Anchor::End, &status);
        for (line, y) in lines.iter().zip((y + 2 * LINE..).step_by(LINE as usize)) {
            self.front.text("word", (x + 8, y), Anchor::Start, line);
        }
        self.y += height + SPACE;
    }

    /// A few words on the line of a lane.
    fn note(&mut self, index: usize, words: &str, class: &str, broken: bool) {
        let x = self.x(index) + LANE / 2;
        self.front.dot("knot", (x, self.y + LINE / 2));
        let class = format!("{class}{}", mark(broken));
        self.front.text(
            &class,
            (x + 8, self.y + LINE - 3),
            Anchor::Start,
            &svg::clip(words, LANE / 2 + GAP - 8, svg::SMALL),
        );
        self.y += LINE + 2;
    }

    fn closed(&mut self, index: usize, broken: bool) {
        self.end_lane(index, self.y + LINE / 2);
        let x = self.x(index) + LANE / 2;
        self.front.cross("cross", (x, self.y + LINE / 2));
        self.front.text(
            &format!("soft{}", mark(broken)),
            (x + 8, self.y + LINE - 3),
            Anchor::Start,
            "closed",
        );
        self.y += LINE + 2;
    }

    /// What has no lane: told from the left edge.
    fn line(&mut self, act: &Act<'_>, words: &str, class: &str) {
        self.y += LINE - 2;
        let words = format!("step {}: {words}", story::number(act.step));
        let words = svg::clip(&words, self.text_width(), svg::SMALL);
        let size = svg::width(&words, svg::BOLD);
        self.front.rect(
            "plate",
            (MARGIN, self.y - LINE + 3),
            (size + 12, LINE + 2),
            3,
        );
        self.front
            .text(class, (MARGIN + 6, self.y), Anchor::Start, &words);
        self.y += SPACE + 3;
    }

    /// Told below the lane that it is about, if it is about one.
    fn violation(&mut self, violation: &Violation, lane: Option<usize>) {
        let invariant = violation.invariant;
        let x = lane
            .map_or(MARGIN, |lane| self.x(lane))
            .min(self.width - MARGIN - self.text_width());
        let room = self.text_width() - 20;
        let head = svg::wrap(
            &format!("✗ {}: {}", invariant.name, violation.message),
            room,
            svg::BOLD,
            4,
        );
        let rule = format!("Holds when {}. {}.", invariant.sentence, invariant.section);
        let rule = svg::wrap(&rule, room, svg::SMALL, 6);
        let lines = u32::try_from(head.len() + rule.len()).unwrap_or(0);
        let height = lines * LINE + 12;
        self.front
            .rect("banner", (x, self.y), (self.text_width(), height), 4);
        let mut y = self.y + 4;
        for (class, line) in head
            .iter()
            .map(|line| ("banner-title", line))
            .chain(rule.iter().map(|line| ("banner-word", line)))
        {
            y += LINE;
            self.front.text(class, (x + 10, y), Anchor::Start, line);
        }
        self.y += height + SPACE;
    }

    fn end_lane(&mut self, index: usize, bottom: u32) {
        let x = self.x(index) + LANE / 2;
        if let Some(top) = self.tops[index].take() {
            let class = format!("lane {}", state(&self.story.lanes[index]));
            self.back.line(&class, (x, top), (x, bottom));
        }
    }

    fn finish(mut self, css: Option<&str>) -> String {
        self.y += SPACE;
        for index in 0..self.tops.len() {
            self.end_lane(index, self.y);
        }
        let (width, height) = (self.width, self.y + MARGIN);
        let title = crate::table::escape(&label(self.story));
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"flight\" role=\"img\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\"><title>{title}</title>"
        );
        if let Some(css) = css {
            let _ = write!(
                text,
                "<style>{css}</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>"
            );
        }
        text.push_str(self.back.as_str());
        text.push_str(self.front.as_str());
        text.push_str("</svg>");
        text
    }

    fn x(&self, lane: usize) -> u32 {
        MARGIN + self.columns[lane] * (LANE + GAP)
    }

    /// The room for running text.
    fn text_width(&self) -> u32 {
        (self.width - 2 * MARGIN).min(WIDEST)
    }
}

/// Where each lane stands. A handshake that failed leaves its place to the next connection: it carries nothing.
fn columns(lanes: &[Lane<'_>]) -> Vec<u32> {
    let mut next = 0;
    let mut free = None;
    let mut column = |lane: &Lane<'_>| {
        let column = free.take().unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        free = lane.event.failed.is_some().then_some(column);
        column
    };
    lanes.iter().map(&mut column).collect()
}

/// The lane and the session that an act issues, if it issues one and nothing broke there.
fn issued(act: &Act<'_>) -> Option<(usize, u32)> {
    match act.what {
        What::Ticket { lane, ticket } if act.broken.is_empty() => Some((lane, ticket.session)),
        _ => None,
    }
}

fn issue_together(one: &Act<'_>, next: &Act<'_>) -> bool {
    matches!((issued(one), issued(next)), (Some((one, _)), Some((next, _))) if one == next)
}

/// What the drawing is, for those who cannot see it.
fn label(story: &Story<'_>) -> String {
    let requests = story
        .acts
        .iter()
        .filter(|act| matches!(act.what, What::Request { .. }))
        .count();
    let broken: Vec<_> = story
        .acts
        .iter()
        .flat_map(|act| &act.broken)
        .map(|it| it.invariant.name)
        .collect();
    let verdict = if broken.is_empty() {
        "all invariants hold".to_owned()
    } else {
        format!("broken: {}", broken.join(", "))
    };
    format!(
        "{requests} requests on {} connections; {verdict}",
        story.lanes.len()
    )
}

/// Whom the server takes the client to be.
fn state(lane: &Lane<'_>) -> &'static str {
    match (&lane.event.failed, &lane.event.client) {
        (Some(_), _) => "failed",
        (None, Client::Identity { .. } | Client::Unknown) => "authenticated",
        (None, Client::Declined) => "withheld",
        (None, Client::Absent) => "bare",
    }
}

fn mark(broken: bool) -> &'static str {
    if broken { " broken" } else { "" }
}

#[cfg(test)]
mod tests {
    use bareflight_harness::case::{Case, Vocabulary};
    use bareflight_harness::invariants::judge;
    use bareflight_harness::log::{Event, Log};
    use bareflight_harness::scenario::Scenario;
    use bareflight_harness::tier::TierName;
    use bareflight_harness::{Campaign, Runner};

    use super::*;

    fn drawn(scenario: &Scenario, log: &Log) -> String {
        let mut vocabulary = Vocabulary::default();
        let case = Case::new(scenario, &mut vocabulary);
        let mut violations = Vec::new();
        judge(&case, log, &mut violations);
        standalone(&Story::of(&case, log, &violations))
    }

    /// Every opened element is closed and no attribute is left open: enough of XML for what is drawn here.
    fn is_well_formed(svg: &str) -> bool {
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let Some((tag, _)) = tag.split_once('>') else {
                return false;
            };
            let name = tag.split([' ', '/']).next().unwrap_or_default();
            match tag.strip_prefix('/') {
                Some(name) if open.pop() != Some(name) => return false,
                Some(_) => {}
                None if tag.ends_with('/') || tag.starts_with('?') => {}
                None => open.push(name),
            }
            if tag.matches('"').count() % 2 != 0 {
                return false;
            }
        }
        open.is_empty()
    }

    #[test]
    fn every_request_and_connection_is_drawn() {
        let mut runner = Runner::new(TierName::Model).unwrap();
        let mut campaign = Campaign::new(1, []);
        for _ in 0..500 {
            let scenario = campaign.next_scenario();
            let log = runner.run(&scenario, None).unwrap().log.clone();
            let svg = drawn(&scenario, &log);
            assert!(is_well_formed(&svg), "{svg}");
            let events = |of: fn(&Event) -> bool| {
                log.records
                    .iter()
                    .filter(|record| of(&record.event))
                    .count()
            };
            assert_eq!(
                svg.matches("<rect class=\"request").count(),
                events(|it| matches!(it, Event::Request(_)))
            );
            assert_eq!(
                svg.matches("<rect class=\"handshake").count(),
                events(|it| matches!(it, Event::Connection(_)))
            );
            assert!(!svg.contains("<rect class=\"banner\""));
        }
    }

    #[test]
    fn no_log_however_damaged_stops_the_judges_or_the_drawing() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut runner = Runner::new(TierName::Model).unwrap();
        let mut campaign = Campaign::new(2, []);
        for _ in 0..2_000 {
            let scenario = campaign.next_scenario();
            let mut log = runner.run(&scenario, None).unwrap().log.clone();
            for _ in 0..rng.usize(1..6) {
                damage(&mut log, &mut rng);
            }
            assert!(is_well_formed(&drawn(&scenario, &log)));
        }
    }

    /// Takes one record away, doubles it, moves it, or changes a number in it.
    fn damage(log: &mut Log, rng: &mut fastrand::Rng) {
        if log.records.is_empty() {
            return;
        }
        let (one, other) = (
            rng.usize(..log.records.len()),
            rng.usize(..log.records.len()),
        );
        match rng.u8(..4) {
            0 => drop(log.records.remove(one)),
            1 => log.records.insert(other, log.records[one].clone()),
            2 => log.records.swap(one, other),
            _ => renumber(&mut log.records[one].event, rng.u16(..)),
        }
    }

    fn renumber(event: &mut Event, number: u16) {
        match event {
            Event::Step { step } | Event::Outcome { step, .. } => *step = number,
            Event::Connection(it) => it.resumed = Some(number.into()),
            Event::Request(it) => it.step = Some(number),
            Event::Response(it) => it.stream = number.into(),
            Event::Ticket(it) => it.connection = number.into(),
            Event::Prompt { cause } => cause.hop = 255,
            Event::Closed { connection } => *connection = number.into(),
            Event::LateAuthentication(it) => it.connection = number.into(),
        }
    }
}
