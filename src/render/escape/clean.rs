//! Takes out of a text what nobody can see: control characters, terminal escapes, direction
//! marks and other invisible characters that make a text look like another one.
//!
//! Every escape begins here. Line breaks of all kinds become `\n` or a space.

/// What becomes of line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaks {
    Keep,
    /// The text becomes one line.
    Space,
}

/// The text without what cannot be seen.
pub fn clean(text: &str, breaks: Breaks) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                cleaned.push(if breaks == Breaks::Keep { '\n' } else { ' ' });
            }
            '\t' => cleaned.push(' '),
            '\u{1b}' if rest.peek() == Some(&'[') => {
                rest.next();
                skip_control_sequence(&mut rest);
            }
            '\u{9b}' => skip_control_sequence(&mut rest),
            char if char.is_control() || is_invisible(char) => {}
            char => cleaned.push(char),
        }
    }
    cleaned
}

/// The text on one line: no breaks, no two spaces side by side, none at the ends.
pub fn one_line(text: &str) -> String {
    let cleaned = clean(text, Breaks::Space);
    let mut line = String::with_capacity(cleaned.len());
    for word in cleaned.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// The first `max_chars` characters, the last of them an ellipsis where something was cut.
pub fn cut(text: &str, max_chars: usize) -> String {
    let Some((last, _)) = text.char_indices().nth(max_chars.saturating_sub(1)) else {
        return text.to_owned();
    };
    if max_chars == 0 || text[last..].chars().nth(1).is_none() {
        return if max_chars == 0 { String::new() } else { text.to_owned() };
    }
    // A joiner, an accent or a variation mark without what it belongs to would show as a box.
    let kept = text[..last].trim_end_matches(['\u{200d}', '\u{fe0f}']).trim_end();
    format!("{kept}…")
}

/// The parameters and the final byte of an ANSI control sequence (ECMA-48, 5.4).
fn skip_control_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while rest.next_if(|char| ('\u{20}'..='\u{3f}').contains(char)).is_some() {}
    rest.next_if(|char| ('\u{40}'..='\u{7e}').contains(char));
}

/// Direction marks and overrides, zero-width spaces, soft hyphens, tag characters. The
/// joiners U+200C and U+200D stay: scripts and emoji need them.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_taken_out() {
        let cases = [
            ("a\u{0}b\u{7f}c", "abc"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{9b}31mred", "red"),
            ("\u{1b}]0;title\u{7}x", "]0;titlex"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("a\u{200b}b\u{feff}c\u{2066}d\u{2069}", "abcd"),
            ("\u{e0041}\u{e0042}x", "x"),
            ("a\r\nb\rc\u{2028}d\u{85}e", "a\nb\nc\nd\ne"),
            ("👩\u{200d}💻 é ü 日本", "👩\u{200d}💻 é ü 日本"),
        ];

        for (given, expected) in cases {
            assert_eq!(clean(given, Breaks::Keep), expected, "{given:?}");
        }
        assert_eq!(one_line("  a \r\n\u{2029} b\t c  "), "a b c");
    }

    #[test]
    fn a_cut_falls_between_characters_and_shows() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüx", 3), "äö…");
        assert_eq!(cut("a", 1), "a");
        assert_eq!(cut("ab", 1), "…");
        assert_eq!(cut("ab", 0), "");
        assert_eq!(cut("", 5), "");
        assert_eq!(cut("x👩\u{200d}💻y", 4), "x👩…");
    }
}
