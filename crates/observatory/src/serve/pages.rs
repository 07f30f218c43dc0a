//! What do the start page and the pages in place of a verdict say? Their texts are files, with words left out for what differs.

use crate::certificates::PASSWORD;
use crate::place::Place;

const START: &str = include_str!("start.html");
const TOLD: &str = include_str!("told.html");

/// The page that a browser is started from.
pub(super) fn start(place: &Place, prompts: usize) -> String {
    let times = match prompts {
        1 => "once".to_owned(),
        more => format!("{more} times"),
    };
    let domain = place.domain().to_string();
    let words = [
        ("domain", domain.as_str()),
        ("password", PASSWORD),
        ("prompts", &times),
    ];
    fill(START, &words)
}

/// A page that says one thing, and leads back to the start.
pub(super) fn told(title: &str, what: &str) -> String {
    fill(TOLD, &[("title", title), ("what", what)])
}

fn fill(text: &str, words: &[(&str, &str)]) -> String {
    let fill = |text: String, (name, word): &(&str, &str)| {
        text.replace(&format!("{{{{{name}}}}}"), &escaped(word))
    };
    words.iter().fold(text.to_owned(), fill)
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_left_out_and_none_is_markup() {
        let lab = Place::new("lab.example".parse().ok(), None).unwrap();
        let page = start(&lab, 1);
        assert!(page.contains("https://[*.]lab.example:*") && page.contains("up to <b>once</b>"));
        assert!(!page.contains("{{") && !page.contains("localhost"));
        let page = told("It failed", "<script> & {{title}}");
        assert!(page.contains("&lt;script&gt; &amp;"), "{page}");
        assert_eq!(page.matches("It failed").count(), 2);
    }
}
