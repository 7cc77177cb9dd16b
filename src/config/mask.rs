//! The text without its secrets, every byte at its place, so that reports may quote its lines.
//!
//! Works on the text alone, since a file that does not parse must not leak either. What is
//! not known to be harmless is masked: values of secret, unknown and misspelt keys, comments,
//! and lines that make no sense.

use std::ops::Range;

use super::scan::{ROOTS, dotted, header_path, is_section, key_path, string_at};
use super::secrecy::{FREE_IN_TESTS, HARMLESS, IN_TESTS, SECRET, looks_secret};
use super::table::presentable;

/// The text with secrets replaced by `*` and comments by spaces; of the same length in bytes
/// and with the same lines.
pub fn masked(text: &str) -> String {
    let mut masker = Masker { text, out: text.as_bytes().to_vec(), section: Vec::new(), at: 0 };
    masker.file();
    String::from_utf8(masker.out).unwrap_or_else(|_| "*".repeat(text.len()))
}

/// Keys whose values, where they are shown, may be tables with keys of their own.
const KEYED: [&str; 8] =
    ["match", "ok", "retry_after", "throttle", "group", "active", "spend", "test"];

/// Keys whose values may be tables on one line.
const INLINE: [&str; 4] = ["active", "group", "spend", "throttle"];

struct Masker<'t> {
    text: &'t str,
    out: Vec<u8>,
    /// The path in the last header.
    section: Vec<String>,
    at: usize,
}

/// How the values of a key are treated.
#[derive(Clone, Copy, PartialEq)]
enum Sight {
    Shown,
    /// `{ env = "NAME" }` and its like are shown.
    MaskedButReferences,
    /// References are shown where they stand within a list or a table.
    MaskedButInnerReferences,
}

impl Masker<'_> {
    fn file(&mut self) {
        while self.at < self.text.len() {
            self.skip_blanks();
            let line = self.rest_of_line();
            match self.peek() {
                Some(b'#') => self.comment(),
                Some(b'[') => self.header(line),
                Some(b'\n' | b'\r') | None => {}
                Some(_) => self.statement(line),
            }
            // Whatever stands behind what was understood.
            self.skip_blanks();
            if self.peek() == Some(b'#') {
                self.comment();
            }
            let rest = self.rest_of_line();
            self.mask(rest.clone());
            self.at = rest.end + 1;
        }
    }

    fn header(&mut self, line: Range<usize>) {
        let shown = &self.text[line.clone()];
        match header_path(shown) {
            Some((path, end)) => {
                self.section = path;
                self.at = line.start + end;
            }
            None => {
                self.section = vec![String::new()];
                let innocent = |b: u8| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b);
                if shown.trim_end().bytes().all(innocent) {
                    self.at = line.end;
                }
            }
        }
    }

    fn statement(&mut self, line: Range<usize>) {
        let Some((path, width)) = key_path(&self.text[line.clone()]) else {
            if is_harmless_without_equals(&self.text[line.clone()]) {
                self.at = line.end;
            }
            return;
        };
        let sight = self.sight(&path);
        let whole: Vec<&str> = self.section.iter().chain(&path).map(String::as_str).collect();
        let is_in = |keys: &[&str]| whole.iter().any(|key| keys.contains(key));
        self.at = line.start + width;
        self.value(sight, is_in(&KEYED), is_in(&KEYED) || is_in(&INLINE));
    }

    fn sight(&self, key: &[String]) -> Sight {
        let known_section = self.section.first().is_none_or(|root| ROOTS.contains(&root.as_str()));
        let section: &[String] = if known_section { &self.section } else { &[] };
        let path: Vec<&str> = section.iter().chain(key).map(String::as_str).collect();
        let named = match path.first() {
            Some(&("sources" | "notifiers")) => 2,
            Some(&("rules" | "service")) => 1,
            _ => 0,
        };
        if let ["test", rest @ ..] = path.as_slice() {
            return sight_in_test(rest);
        }
        let is_condition = |word: &str| word.contains('.') || ["any", "all", "not"].contains(&word);
        match path.get(named..).unwrap_or_default() {
            ["headers"] => Sight::MaskedButInnerReferences,
            ["headers", _] => Sight::MaskedButReferences,
            [key] if SECRET.contains(key) => Sight::MaskedButReferences,
            [key] if HARMLESS.contains(key) => Sight::Shown,
            ["ok" | "retry_after" | "throttle" | "group" | "active" | "spend", ..] => Sight::Shown,
            ["match", word] if is_condition(word) => Sight::Shown,
            ["match", "job" | "event", rest @ ..]
                if !rest.iter().any(|word| SECRET.contains(word)) =>
            {
                Sight::Shown
            }
            _ => Sight::MaskedButInnerReferences,
        }
    }

    /// Goes over one value. What follows it on its last line is none of it.
    fn value(&mut self, mut sight: Sight, holds_lines: bool, holds_keys: bool) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            let before = self.at;
            match byte {
                b'\n' if depth == 0 => return,
                b'\n' => {
                    self.at += 1;
                    // A bracket that was never closed must not swallow the rest of the file.
                    self.skip_blanks();
                    let next = &self.text[self.rest_of_line()];
                    let is_alien = |(path, _): &(Vec<String>, usize)| {
                        !holds_lines
                            || path.last().is_some_and(|key| SECRET.contains(&key.as_str()))
                    };
                    let shows_alien =
                        sight == Sight::Shown && key_path(next).as_ref().is_some_and(is_alien);
                    if is_section(next) || shows_alien {
                        self.at = self.text[..self.at].rfind('\n').unwrap_or(0);
                        return;
                    }
                    continue;
                }
                b' ' | b'\t' | b'\r' | b',' | b'=' => {
                    self.at += 1;
                    continue;
                }
                b'#' => {
                    self.comment();
                    continue;
                }
                b'"' | b'\'' => {
                    let (content, end) = string_at(self.text, self.at);
                    let shown = &self.text[content.clone()];
                    if sight != Sight::Shown || looks_secret(shown) || swallows(shown) {
                        self.mask(content);
                    }
                    self.at = end;
                }
                b'{' if sight == Sight::MaskedButReferences || depth > 0 => {
                    match reference_width(&self.text[self.at..]) {
                        Some(width) => self.at += width,
                        None => {
                            depth += 1;
                            self.at += 1;
                        }
                    }
                }
                b'[' | b'{' => {
                    depth += 1;
                    self.at += 1;
                }
                b']' | b'}' => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                _ => self.word(sight, depth),
            }
            if depth == 0 {
                return;
            }
            // A key that does not belong there, as where a bracket or a line's end is missing.
            let said = self.text[before..self.at].trim_matches(['"', '\'']);
            if sight == Sight::Shown && self.is_key() && (!holds_keys || SECRET.contains(&said)) {
                sight = Sight::MaskedButInnerReferences;
            }
        }
    }

    /// A number, a key of an inline table, or something that should have had quotes.
    fn word(&mut self, sight: Sight, depth: usize) {
        let rest = &self.text[self.at..];
        let end = rest.find([' ', '\t', '\r', '\n', ',', '=', '[', ']', '{', '}', '#', '"', '\'']);
        let word = self.at..self.at + end.unwrap_or(rest.len()).max(1);
        self.at = word.end;
        let is_key = depth > 0 && presentable(&self.text[word.clone()]) && self.is_key();
        let is_shown = sight == Sight::Shown && !looks_secret(&self.text[word.clone()]);
        if !is_shown && !is_key {
            self.mask(word);
        }
    }

    /// Whether what has just been passed is a key.
    fn is_key(&self) -> bool {
        self.text[self.at..].trim_start_matches([' ', '\t']).starts_with('=')
    }

    fn comment(&mut self) {
        let line = self.rest_of_line();
        self.fill(line.clone(), b' ');
        self.at = line.end;
    }

    fn mask(&mut self, range: Range<usize>) {
        self.fill(range, b'*');
    }

    fn fill(&mut self, range: Range<usize>, with: u8) {
        for byte in &mut self.out[range] {
            if !matches!(byte, b'\n' | b'\r') {
                *byte = with;
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn rest_of_line(&self) -> Range<usize> {
        let start = self.at.min(self.text.len());
        let length = self.text[start..].find('\n').unwrap_or(self.text.len() - start);
        start..start + length
    }
}

/// Whether a line tells only a harmless key and one word, with the `=` forgotten.
fn is_harmless_without_equals(line: &str) -> bool {
    let line = line.trim_end();
    let Some((key, word)) = line.split_once([' ', '\t']) else { return HARMLESS.contains(&line) };
    let word = word.trim_start();
    let bare = ['"', '\'']
        .iter()
        .find_map(|quote| word.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(word);
    let innocent = |b: u8| b.is_ascii_alphanumeric() || b"_-./:".contains(&b);
    HARMLESS.contains(&key) && bare.bytes().all(innocent) && !looks_secret(bare)
}

/// The same below `[[test]]`, where tables may stand with headers of their own.
fn sight_in_test(path: &[&str]) -> Sight {
    let inner = match path {
        ["events" | "expect", inner @ ..] => inner,
        all => all,
    };
    match inner {
        [] => Sight::Shown,
        [key] if IN_TESTS.contains(key) => Sight::Shown,
        [key, rest @ ..] if FREE_IN_TESTS.contains(key) => {
            match rest.iter().any(|word| SECRET.contains(word)) {
                true => Sight::MaskedButInnerReferences,
                false => Sight::Shown,
            }
        }
        _ => Sight::MaskedButInnerReferences,
    }
}

/// Whether a string holds other lines of the file, since nobody closed it.
fn swallows(content: &str) -> bool {
    let mut lines = content.lines().map(str::trim_start);
    content.contains('\n')
        && lines.any(|line| key_path(line).is_some() || header_path(line).is_some())
}

/// The width of `{ env = "NAME" }` and its like at the text's beginning.
fn reference_width(text: &str) -> Option<usize> {
    let line = &text[..text.find('\n').unwrap_or(text.len())];
    let (path, width) = dotted(line.strip_prefix('{')?)?;
    let is_form =
        matches!(path.as_slice(), [key] if ["env", "file", "credential"].contains(&key.as_str()));
    let value =
        is_form.then(|| line[1 + width..].strip_prefix('='))??.trim_start_matches([' ', '\t']);
    let at = line.len() - value.len();
    let (content, end) = value.starts_with(['"', '\'']).then(|| string_at(line, at))?;
    let rest = line[end..].trim_start_matches([' ', '\t']);
    let shown = !looks_secret(&line[content]);
    (shown && rest.starts_with('}')).then(|| line.len() - rest.len() + 1)
}
