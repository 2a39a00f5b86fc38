//! Makes names from bills and questions safe to display: shortened, without invisible characters, escaped as
//! Markdown.
//!
//! Anyone can write a tag or a question, so none of it may become markup or a link.

/// Length limit of a displayed name, in bytes. Cloud resource ids are rarely longer, and it bounds the answer's
/// size.
const MAX_NAME_BYTES: usize = 96;

/// Shortens a name to [`MAX_NAME_BYTES`] and removes control and text-direction characters.
pub(crate) fn clip(name: &str) -> String {
    clip_to(name, MAX_NAME_BYTES)
}

/// Like [`clip`], with a limit of its own in bytes.
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

/// Clips a name and escapes it, so that Markdown shows it as plain text.
pub(crate) fn escape(name: &str) -> String {
    escape_unclipped(&clip(name))
}

/// Escapes a text that contains names clipped before. It does not shorten the text.
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
    // Markdown renderers turn bare addresses into links.
    escaped
        .replace("://", ":&#47;&#47;")
        .replace("www.", "www&#46;")
}
