//! Finds the tags of a template with their exact bytes, before the template engine sees it.
//!
//! The engine's own errors point at a line at best, and templates nested too deep overflow
//! its stack. So blocks are matched here, and what is not allowed is found here:
//! unescaped output, raw blocks, decorators, blocks of partials, deep nesting.

use std::ops::Range;

use crate::problem::Problem;

/// Nobody reads deeper templates; some thousands would overflow the stack when rendering.
pub const BLOCK_DEPTH_MAX: usize = 64;

/// The same for brackets within a tag.
const BRACKET_DEPTH_MAX: usize = 16;

/// How many brackets a tag may open in all: the engine may see more of them within each other
/// than are counted here, where a quote or a bracket belongs to a name or a text.
const BRACKETS_MAX: usize = 100;

/// One `{{…}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub span: Range<usize>,
    pub kind: Kind,
}

/// What a tag is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Expression,
    Open(String),
    Close(String),
    Else,
    /// `{{else if x}}`: a block within the one that is open, closed together with it.
    ElseOpen(String),
    Partial,
    Comment,
    Unescaped,
    Raw,
    Decorator,
    PartialBlock,
}

/// Every tag of the template.
///
/// # Errors
/// All the [`Problem`]s of the tags: then the template must not be compiled.
pub fn scan(source: &str) -> Result<Vec<Tag>, Vec<Problem>> {
    let (tags, mut problems) = find(source);
    for tag in &tags {
        problems.extend(refusal(source, tag));
        problems.extend(too_many_brackets(source, tag));
    }
    // What is refused opens blocks that the count of blocks does not know.
    let foreign = |tag: &Tag| matches!(tag.kind, Kind::Decorator | Kind::PartialBlock);
    if !tags.iter().any(foreign) {
        problems.extend(match_blocks(source, &tags));
    }
    if problems.is_empty() { Ok(tags) } else { Err(problems) }
}

fn find(source: &str) -> (Vec<Tag>, Vec<Problem>) {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(found) = source[at..].find("{{").map(|offset| at + offset) {
        let backslashes = source[at..found].bytes().rev().take_while(|byte| *byte == b'\\').count();
        if backslashes == 1 {
            // `\{{` and `\{{{{` are text.
            at = found + if source[found..].starts_with("{{{{") { 4 } else { 2 };
            continue;
        }
        let Some(end) = tag_end(source, found) else {
            let line_end = source[found..].find('\n').map_or(source.len(), |offset| found + offset);
            let problem = Problem::error("this tag is not closed")
                .at(found..line_end)
                .help("end it with }}; for braces as text write \\{{");
            return (tags, vec![problem]);
        };
        tags.push(Tag { span: found..end, kind: kind_of(&source[found..end]) });
        at = end;
    }
    (tags, Vec::new())
}

/// Where the tag that begins there ends; braces within quotes do not end it.
fn tag_end(source: &str, start: usize) -> Option<usize> {
    let rest = &source[start..];
    let past = |closing: &str| rest.find(closing).map(|offset| start + offset + closing.len());
    if rest.starts_with("{{!--")
        && let Some(end) = past("--}}")
    {
        return Some(end);
    }
    if rest.starts_with("{{!") {
        return past("}}");
    }
    let closing = match () {
        () if rest.starts_with("{{{{") => "}}}}",
        () if rest.starts_with("{{{") => "}}}",
        () => "}}",
    };
    let mut quote = None;
    let mut escaped = false;
    for (offset, char) in rest.char_indices().skip(2) {
        match (quote, char) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), char) if char == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(char),
            (None, '}') if rest[offset..].starts_with(closing) => {
                return Some(start + offset + closing.len());
            }
            (None, _) => {}
        }
    }
    // An unpaired quote: the engine says what is wrong with the tag.
    past(closing).or_else(|| past("}}"))
}

fn kind_of(tag: &str) -> Kind {
    if tag.starts_with("{{{{") {
        return Kind::Raw;
    }
    if tag.starts_with("{{{") {
        return Kind::Unescaped;
    }
    if tag.starts_with("{{!") {
        return Kind::Comment;
    }
    let inner = inner(tag);
    let after = |sign: char| inner.strip_prefix(sign).map(str::trim_start);
    if inner.starts_with(['{', '&']) {
        Kind::Unescaped
    } else if let Some(rest) = after('#') {
        match rest.chars().next() {
            Some('*') => Kind::Decorator,
            Some('>') => Kind::PartialBlock,
            _ => Kind::Open(first_word(rest)),
        }
    } else if let Some(rest) = after('/') {
        Kind::Close(first_word(rest))
    } else if inner.starts_with('*') {
        Kind::Decorator
    } else if inner.starts_with('>') {
        Kind::Partial
    } else if let Some(rest) = inner.strip_prefix('^').or_else(|| after_else(inner)) {
        match first_word(rest.trim_start()) {
            word if word.is_empty() => Kind::Else,
            word => Kind::ElseOpen(word),
        }
    } else {
        Kind::Expression
    }
}

/// What stands between the braces and their tildes.
pub fn inner(tag: &str) -> &str {
    tag.trim_matches(|char| matches!(char, '{' | '}')).trim_matches('~').trim()
}

fn after_else(inner: &str) -> Option<&str> {
    inner.strip_prefix("else").filter(|_| first_word(inner) == "else")
}

fn first_word(text: &str) -> String {
    text.split(|char: char| char.is_whitespace() || matches!(char, '(' | '~' | '}'))
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn refusal(source: &str, tag: &Tag) -> Option<Problem> {
    let text = &source[tag.span.clone()];
    let (message, help) = match tag.kind {
        Kind::Unescaped if text.starts_with("{{{") => (
            "`{{{ }}}` would put a value in without its escape",
            "write {{ }}; for a JSON brace before or after a tag leave a space between: { {{json x}} }",
        ),
        Kind::Unescaped => ("`{{& }}` would put a value in without its escape", "write {{ }}"),
        Kind::Raw => ("raw blocks are not used here", "for braces as text write \\{{"),
        Kind::Decorator => (
            "decorators and inline partials are not used here",
            "put the part into a file of its own, `_name.<part>.hbs`, and use it with {{> name}}",
        ),
        Kind::PartialBlock => (
            "a partial cannot be given a block here",
            "use it with {{> name}} and pass values: {{> name x=1}}",
        ),
        _ => return None,
    };
    Some(Problem::error(message).at(tag.span.clone()).help(help))
}

fn too_many_brackets(source: &str, tag: &Tag) -> Option<Problem> {
    if tag.kind == Kind::Comment {
        return None;
    }
    let (mut depth, mut deepest, mut all) = (0_usize, 0, 0);
    for byte in source[tag.span.clone()].trim_matches(['{', '}']).bytes() {
        match byte {
            b'(' | b'[' | b'{' => (depth, all) = (depth + 1, all + 1),
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    let message = if deepest > BRACKET_DEPTH_MAX {
        format!("brackets are nested more than {BRACKET_DEPTH_MAX} deep")
    } else if all > BRACKETS_MAX {
        format!("a tag opens at most {BRACKETS_MAX} brackets")
    } else {
        return None;
    };
    let help = "take the expression apart with {{#with}}";
    Some(Problem::error(message).at(tag.span.clone()).help(help))
}

/// A block that is open.
struct Block<'a> {
    opener: &'a Tag,
    name: &'a str,
    /// Itself and its `{{else if}}`s, each of which stands within the one before.
    depth: usize,
}

fn match_blocks(source: &str, tags: &[Tag]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut open: Vec<Block<'_>> = Vec::new();
    let (mut depth, mut too_deep) = (0, false);
    for tag in tags {
        if let Kind::Open(name) = &tag.kind {
            open.push(Block { opener: tag, name, depth: 0 });
        }
        if let (Kind::Open(_) | Kind::ElseOpen(_), Some(block)) = (&tag.kind, open.last_mut()) {
            block.depth += 1;
            depth += 1;
            if depth > BLOCK_DEPTH_MAX && !too_deep {
                too_deep = true;
                problems.push(
                    Problem::error(format!("blocks are nested more than {BLOCK_DEPTH_MAX} deep"))
                        .at(tag.span.clone())
                        .help("put inner blocks into a partial; each {{else if}} is one more"),
                );
            }
        }
        match &tag.kind {
            Kind::Close(name) => match open.pop() {
                Some(block) if block.name == name => depth -= block.depth,
                Some(Block { opener, name: opened, .. }) => {
                    let line = source[..opener.span.start].matches('\n').count() + 1;
                    problems.push(
                        Problem::error(format!(
                            "`{{{{/{name}}}}}` closes `{{{{#{opened}}}}}` of line {line}"
                        ))
                        .at(tag.span.clone())
                        .help(format!("write {{{{/{opened}}}}}")),
                    );
                    return problems;
                }
                None => {
                    problems.push(
                        Problem::error(format!("`{{{{/{name}}}}}` closes nothing"))
                            .at(tag.span.clone())
                            .help(format!("open it with {{{{#{name} …}}}}, or take it out")),
                    );
                    return problems;
                }
            },
            Kind::Else | Kind::ElseOpen(_) if open.is_empty() => problems.push(
                Problem::error("`{{else}}` stands in no block")
                    .at(tag.span.clone())
                    .help("it belongs between {{#if …}} and {{/if}}"),
            ),
            _ => {}
        }
    }
    for Block { opener, name, .. } in open.into_iter().take(BLOCK_DEPTH_MAX) {
        problems.push(
            Problem::error(format!("`{{{{#{name}}}}}` is never closed"))
                .at(opener.span.clone())
                .help(format!("write {{{{/{name}}}}} where the block ends")),
        );
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<Kind> {
        find(source).0.into_iter().map(|tag| tag.kind).collect()
    }

    #[test]
    fn tags_are_found_where_the_engine_finds_them() {
        let open = |name: &str| Kind::Open(name.into());
        let close = |name: &str| Kind::Close(name.into());

        assert_eq!(kinds(r"\{{x}} \\{{y}} \{{{{z"), [Kind::Expression]);
        assert_eq!(
            kinds("{{x \"}}\" '}}'}}{{! }}{{!-- }} --}}"),
            [Kind::Expression, Kind::Comment, Kind::Comment]
        );
        assert_eq!(
            kinds("{{~#if (eq a b)~}}{{else}}{{~^}}{{/if}}"),
            [open("if"), Kind::Else, Kind::Else, close("if")]
        );
        let chained = |name: &str| Kind::ElseOpen(name.into());
        assert_eq!(kinds("{{else if x}}{{~^each (y)}}"), [chained("if"), chained("each")]);
        assert_eq!(
            kinds("{{> a}}{{elsewhere}}{{# if x}}"),
            [Kind::Partial, Kind::Expression, open("if")]
        );
        assert_eq!(
            kinds("{{{x}}}{{&x}}{{~{x}~}}{{{{raw}}}}{{*x}}{{#*inline}}{{#> x}}"),
            [
                Kind::Unescaped,
                Kind::Unescaped,
                Kind::Unescaped,
                Kind::Raw,
                Kind::Decorator,
                Kind::Decorator,
                Kind::PartialBlock
            ]
        );
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = |n: usize| format!("{}{}", "{{#if a}}".repeat(n), "{{/if}}".repeat(n));

        assert!(scan(&deep(64)).is_ok());
        assert!(scan(&deep(65)).is_err());
        assert!(scan(&format!("{{{{x {}1{}}}}}", "[".repeat(17), "]".repeat(17))).is_err());
        assert!(scan(&"{{#if a}}".repeat(7000)).is_err());
        let chain = |n: usize| format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if b}}".repeat(n));
        assert!(scan(&chain(63)).is_ok());
        assert!(scan(&chain(64)).is_err());
        assert!(scan(&chain(63).repeat(2)).is_ok());
        // A bracket in a text closes nothing.
        let texts = |n: usize| format!("{{{{x {}1{}}}}}", "(a \")\" ".repeat(n), ")".repeat(n));
        assert!(scan(&texts(16)).is_ok());
        assert!(scan(&texts(2_000)).is_err());
    }
}
