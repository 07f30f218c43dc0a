//! What is a browser called that somebody sits at? By its User-Agent, which has the names of others too.

/// The words before versions, the most telling first, and what has them.
const WORDS: [(&str, &str); 6] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
    ("AppleWebKit/", "WebKit"),
];

/// The name and the version of a browser.
pub(super) fn called(user_agent: &str) -> (String, String) {
    let known = WORDS.iter().find_map(|(word, name)| {
        let version = user_agent.split_once(word)?.1;
        Some((*name, version.split(' ').next().unwrap_or_default()))
    });
    let (name, version) = known.unwrap_or(("this browser", user_agent));
    (name.to_owned(), version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart() {
        let webkit = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        let table = [
            (
                "Mozilla/5.0 (X11) Gecko/20100101 Firefox/140.0",
                "Firefox",
                "140.0",
            ),
            (
                &format!("{webkit} Chrome/148.0.0.0 Safari/537.36"),
                "Chrome",
                "148.0.0.0",
            ),
            (
                &format!("{webkit} Chrome/148.0.0.0 Safari/537.36 Edg/148.0.0.0"),
                "Edge",
                "148.0.0.0",
            ),
            (
                &format!("{webkit} Version/26.1 Safari/605.1.15"),
                "Safari",
                "26.1",
            ),
            (webkit, "WebKit", "605.1.15"),
            ("Lynx", "this browser", "Lynx"),
        ];
        for (user_agent, name, version) in table {
            assert_eq!(called(user_agent), (name.to_owned(), version.to_owned()));
        }
    }
}
