//! Makes a text lose its meaning as Slack mrkdwn and as Discord markdown.
//!
//! Both take a cleaned text and give one that shows as it was. JSON comes after, in
//! [`super::Syntax`].

/// Between a delimiter and its neighbour, so that it formats nothing.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// Escapes for a Slack mrkdwn text object.
///
/// `&`, `<` and `>` become entities, each once: without `<` there are no mentions, channels,
/// links and dates (<https://docs.slack.dev/messaging/formatting-message-text>). mrkdwn has no
/// escape for `*`, `_` and `~`, so they are kept from their neighbours by a zero-width space
/// where they could format, that is, not within a word like `my_file.wav`; a back-quote
/// becomes a look-alike, so that no code span or fence ends or begins.
pub fn mrkdwn(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    let mut before: Option<char> = None;
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        let after = rest.peek().copied();
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '`' => escaped.push('ˋ'),
            '*' | '_' | '~' if !(is_word(before) && is_word(after)) => {
                if !before.is_some_and(char::is_whitespace) {
                    escaped.push(ZERO_WIDTH_SPACE);
                }
                escaped.push(char);
                if !after.is_some_and(char::is_whitespace) {
                    escaped.push(ZERO_WIDTH_SPACE);
                }
            }
            char => escaped.push(char),
        }
        before = Some(char);
    }
    escaped
}

fn is_word(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(char::is_alphanumeric)
}

/// Escapes for Discord markdown: a backslash before every character that can begin or end
/// something, backslashes themselves among them, and before what makes a list at the start
/// of a line. The start of the text counts as one, wherever it will stand.
pub fn discord(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 4);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            escaped.push('\n');
        }
        discord_line(line, &mut escaped);
    }
    escaped
}

fn discord_line(line: &str, escaped: &mut String) {
    let body = line.trim_start();
    escaped.push_str(&line[..line.len() - body.len()]);
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = digits > 0 && body[digits..].starts_with('.');
    for (at, char) in body.char_indices() {
        let special = matches!(
            char,
            '\\' | '*'
                | '_'
                | '~'
                | '`'
                | '|'
                | '>'
                | '<'
                | '['
                | ']'
                | '('
                | ')'
                | '#'
                | ':'
                | '@'
        );
        let list = (at == 0 && matches!(char, '-' | '+')) || (numbered && at == digits);
        if special || list {
            escaped.push('\\');
        }
        escaped.push(char);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mrkdwn_gets_its_three_entities_once_each() {
        let cases = [
            ("<!channel> & <@U1|x>", "&lt;!channel&gt; &amp; &lt;@U1|x&gt;"),
            ("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;"),
            ("<https://evil.example|bank>", "&lt;https://evil.example|bank&gt;"),
            ("my_file_name.wav 3*4", "my_file_name.wav 3*4"),
            ("\"quoted\" it's", "\"quoted\" it's"),
        ];

        for (given, expected) in cases {
            assert_eq!(mrkdwn(given), expected);
        }
    }

    #[test]
    fn mrkdwn_cannot_format() {
        assert_eq!(mrkdwn("*bold* a* b"), "\u{200b}*\u{200b}bold\u{200b}* a\u{200b}* b");
        assert_eq!(mrkdwn("```code```"), "ˋˋˋcodeˋˋˋ");
        assert_eq!(mrkdwn("_x_"), "\u{200b}_\u{200b}x\u{200b}_\u{200b}");
    }

    #[test]
    fn discord_shows_every_special_character_as_itself() {
        let cases = [
            ("@everyone <@1>", "\\@everyone \\<\\@1\\>"),
            ("\\*x\\*", "\\\\\\*x\\\\\\*"),
            ("[a](https://x)", "\\[a\\]\\(https\\://x\\)"),
            (
                "# head\n- item\n  + item\n12. item\n> quote",
                "\\# head\n\\- item\n  \\+ item\n12\\. item\n\\> quote",
            ),
            (
                "||spoiler|| `code` ~~x~~ __y__",
                "\\|\\|spoiler\\|\\| \\`code\\` \\~\\~x\\~\\~ \\_\\_y\\_\\_",
            ),
            ("a-b 1.5 c+d", "a-b 1.5 c+d"),
            ("3.5 hours", "3\\.5 hours"),
        ];

        for (given, expected) in cases {
            assert_eq!(discord(given), expected);
        }
    }
}
