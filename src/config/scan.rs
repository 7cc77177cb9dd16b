//! Pieces of TOML in a text that may be broken: headers, keys, strings.
//!
//! Only for masking, which must work where the real parser gives up. Everything is found by
//! its bytes, and nothing is decoded.

use std::ops::Range;

/// The file's tables.
pub(super) const ROOTS: [&str; 5] = ["service", "sources", "notifiers", "rules", "test"];

/// The path in `[a.b]` or `[[a.b]]` and where the header ends; `None` where it is not one.
pub(super) fn header_path(line: &str) -> Option<(Vec<String>, usize)> {
    let brackets = if line.starts_with("[[") { 2 } else { usize::from(line.starts_with('[')) };
    let (path, width) = (brackets > 0).then(|| dotted(&line[brackets..]))??;
    let close = &line[brackets + width..];
    let end = brackets + width + brackets;
    let rest = close.strip_prefix(if brackets == 2 { "]]" } else { "]" })?.trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some((path, end))
}

/// Whether a line is the header of one of the file's tables.
pub(super) fn is_section(line: &str) -> bool {
    header_path(line).is_some_and(|(path, _)| ROOTS.contains(&path[0].as_str()))
}

/// The path before a `=` and the width up to behind it; `None` where the line does not look
/// like a key with a value.
pub(super) fn key_path(line: &str) -> Option<(Vec<String>, usize)> {
    let (path, width) = dotted(line)?;
    let value = line[width..].strip_prefix('=')?.trim_start_matches([' ', '\t']);
    let begins = value.chars().next().is_none_or(|c| !"=+/&|;:".contains(c));
    (begins && path.iter().all(|key| key.len() <= 80)).then_some((path, width + 1))
}

/// Keys joined by dots, and the width up to behind the blanks that follow.
pub(super) fn dotted(text: &str) -> Option<(Vec<String>, usize)> {
    let blanks =
        |at: usize| at + text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len();
    let mut path = Vec::new();
    let mut at = blanks(0);
    loop {
        if text[at..].starts_with(['"', '\'']) {
            let (content, end) = string_at(text, at);
            path.push(text[content].to_owned());
            at = end;
        } else {
            let rest = &text[at..];
            let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let width = rest.len() - rest.trim_start_matches(bare).len();
            path.push((width > 0).then(|| rest[..width].to_owned())?);
            at += width;
        }
        at = blanks(at);
        match text[at..].strip_prefix('.') {
            Some(_) => at = blanks(at + 1),
            None => return Some((path, at)),
        }
    }
}

/// The content of the string that begins at a quote, and where the string ends. One that is
/// not closed ends with its line, or with the text if it may span lines.
pub(super) fn string_at(text: &str, at: usize) -> (Range<usize>, usize) {
    let quote = &text[at..=at];
    let triple = quote.repeat(3);
    let (width, multiline) = if text[at..].starts_with(&triple) { (3, true) } else { (1, false) };
    let start = at + width;
    let mut end = start;
    let bytes = text.as_bytes();
    while end < bytes.len() {
        let closes =
            if multiline { text[end..].starts_with(&triple) } else { bytes[end] == bytes[at] };
        if closes {
            // Up to two more quotes belong to the content.
            let extra = if multiline {
                text[end + 3..].bytes().take(2).take_while(|b| *b == bytes[at]).count()
            } else {
                0
            };
            return (start..end + extra, end + extra + width);
        }
        match bytes[end] {
            b'\n' if !multiline => return (start..end, end),
            b'\\' if quote == "\"" && bytes.get(end + 1) != Some(&b'\n') => end += 1,
            _ => {}
        }
        end += 1;
        while end < bytes.len() && !text.is_char_boundary(end) {
            end += 1;
        }
    }
    (start..bytes.len(), bytes.len())
}

/// Where the outermost bracket of a value stands that is still open when another line of the
/// file begins, or at its end.
pub(super) fn unclosed(text: &str) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        let line = &text[at..at + text[at..].find('\n').unwrap_or(text.len() - at)];
        let blanks = line.len() - line.trim_start().len();
        let value = key_path(&line[blanks..]).filter(|_| header_path(&line[blanks..]).is_none());
        at = match value.map(|(_, width)| end_of_value(text, at + blanks + width)) {
            Some(Err(opener)) => return Some(opener),
            Some(Ok(end)) => end + 1,
            None => at + line.len() + 1,
        };
    }
    None
}

/// Where the last line of a value ends, or where its outermost bracket stands if that is still
/// open when something else begins.
fn end_of_value(text: &str, from: usize) -> Result<usize, usize> {
    let bytes = text.as_bytes();
    let mut open: Vec<usize> = Vec::new();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => {
                let Some((outermost, innermost)) = open.first().zip(open.last()) else {
                    return Ok(at);
                };
                let next = text[at + 1..].lines().next().unwrap_or_default().trim_start();
                if is_section(next) || (bytes[*innermost] == b'[' && key_path(next).is_some()) {
                    return Err(*outermost);
                }
            }
            b'#' => {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
                continue;
            }
            b'"' | b'\'' => {
                at = string_at(text, at).1;
                continue;
            }
            b'[' | b'{' => open.push(at),
            b']' | b'}' => {
                open.pop();
            }
            _ => {}
        }
        at += 1;
    }
    open.first().map_or(Ok(at), |opener| Err(*opener))
}
