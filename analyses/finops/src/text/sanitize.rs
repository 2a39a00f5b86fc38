//! DimensionValues that others chose, made safe to show: cut, without invisible characters, and as Markdown text.
//!
//! A bill's tags and a question are written by anyone; nothing of them may become markup or a link.

/// Bytes of a name that are shown; cloud resource ids rarely pass it, and it bounds the answer.
const MAX_NAME_BYTES: usize = 96;

/// A name as data: without control and direction characters, cut to a length.
pub(crate) fn clip(name: &str) -> String {
    clip_to(name, MAX_NAME_BYTES)
}

/// [`clip`] to a length of one's own, in bytes.
pub(crate) fn clip_to(text: &str, max_bytes: usize) -> String {
    let invisible = |c: &char| matches!(*c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let clean: String = text
        .chars()
        .take(max_bytes)
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !invisible(c))
        .collect();
    match clean
        .char_indices()
        .find(|(at, c)| at + c.len_utf8() > max_bytes)
    {
        Some((at, _)) => format!("{}…", &clean[..at]),
        None if text.chars().nth(max_bytes).is_some() => format!("{clean}…"),
        None => clean,
    }
}

/// A name as Markdown text that can be nothing but text.
pub(crate) fn escape(name: &str) -> String {
    escape_unclipped(&clip(name))
}

/// [`escape`] for a text of ours that has clipped names in it.
pub(crate) fn escape_unclipped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push(character),
        }
    }
    // Renderers turn bare addresses into links.
    escaped
        .replace("://", ":&#47;&#47;")
        .replace("www.", "www&#46;")
}
