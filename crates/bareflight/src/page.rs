//! What do all pages that are written have in common? Nothing that is loaded from elsewhere, one style, light and dark.

use crate::drawing;

const CSS: &str = include_str!("page.css");

/// How a drawing is read.
pub(crate) const LEGEND: &str = "Time runs downwards. Each lane is a TLS connection: <b class=\"who\">green</b> if the server took \
the client to be somebody, <b class=\"held\">amber and dashed</b> if it asked and the certificate was withheld, grey if \
it did not ask. A dotted arrow is a session that is resumed. <b class=\"bare\">Blue and dashed</b> is a preflight, \
<b class=\"who\">green</b> a request with credentials, grey one without; what is broken is \
<b class=\"bad\">red</b>, where it broke.";

/// The end of a page.
pub(crate) const END: &str = "</main></body></html>\n";

/// The beginning of a page, up to what is on it.
pub(crate) fn begin(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <style>\n{CSS}{}</style></head><body><main>",
        drawing::CSS
    )
}
