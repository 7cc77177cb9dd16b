//! Lines that are put together here and not in a template, because their length after the
//! escape matters: `{{lines x n}}`.
//!
//! Pieces come escaped from [`Syntax::fit`] and [`Syntax::link`], and [`Syntax::seal`] adds
//! the layer of JSON last, so that lengths are those that a service counts.

use super::{Syntax, cut, in_json, one_line};

/// The length in UTF-16 units, which no service counts more strictly than.
pub fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

impl Syntax {
    /// The text on one line and escaped, cut so that at most so many units are written.
    pub fn fit(self, text: &str, max_units: usize) -> String {
        let line = one_line(text);
        let fitted = |max_chars: usize| {
            let written = self.words(&cut(&line, max_chars));
            (units(&written) <= max_units).then_some(written)
        };
        // A character takes a unit or more, so no more of them can fit.
        if line.chars().nth(max_units).is_none()
            && let Some(whole) = fitted(usize::MAX)
        {
            return whole;
        }
        let (mut fits, mut too_long) = (0, max_units.saturating_add(1));
        while too_long - fits > 1 {
            let middle = fits.midpoint(too_long);
            if fitted(middle).is_some() { fits = middle } else { too_long = middle }
        }
        fitted(fits).unwrap_or_default()
    }

    /// Escaped words as a link, where the syntax has links and there is one.
    pub fn link(self, url: &str, words: &str) -> String {
        match self {
            _ if url.is_empty() => words.to_owned(),
            Self::SlackJson => format!("<{url}|{words}>"),
            Self::DiscordJson => format!("[{words}]({url})"),
            Self::Html => format!("<a href=\"{}\">{words}</a>", self.url(url)),
            Self::Json | Self::Text | Self::Subject => words.to_owned(),
        }
    }

    /// What is escaped already, in bold where the syntax has that.
    pub fn strong(self, written: &str) -> String {
        match self {
            Self::SlackJson => format!("*{written}*"),
            Self::DiscordJson => format!("**{written}**"),
            Self::Html => format!("<b>{written}</b>"),
            Self::Json | Self::Text | Self::Subject => written.to_owned(),
        }
    }

    /// Whether [`Syntax::link`] makes links.
    pub fn has_links(self) -> bool {
        matches!(self, Self::SlackJson | Self::DiscordJson | Self::Html)
    }

    /// What stands between two lines. In texts none begins in the first column, as no value
    /// does.
    pub fn line_break(self) -> &'static str {
        match self {
            Self::SlackJson | Self::DiscordJson | Self::Json => "\n",
            Self::Html => "<br>\n",
            Self::Text => "\n    ",
            Self::Subject => " ",
        }
    }

    /// The layer of JSON around what is escaped otherwise.
    pub fn seal(self, written: &str) -> String {
        match self {
            Self::SlackJson | Self::DiscordJson | Self::Json => in_json(written),
            Self::Html | Self::Text | Self::Subject => written.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Syntax; 6] = [
        Syntax::SlackJson,
        Syntax::DiscordJson,
        Syntax::Json,
        Syntax::Html,
        Syntax::Text,
        Syntax::Subject,
    ];

    #[test]
    fn what_is_written_counts_and_not_what_was_given() {
        assert_eq!(Syntax::SlackJson.fit("&&&&&", 25), "&amp;&amp;&amp;&amp;&amp;");
        assert_eq!(Syntax::SlackJson.fit("&&&&&&", 24), "&amp;&amp;&amp;&amp;…");
        assert_eq!(Syntax::DiscordJson.fit("[a] [b]", 10), "\\[a\\] \\[…");
        assert_eq!(Syntax::Text.fit("a\nb 😀😀😀", 7), "a b 😀…");
        assert_eq!(Syntax::Html.fit("<b>", 2), "…");
        assert_eq!(Syntax::Html.fit("abc", 0), "");
    }

    #[test]
    fn a_link_is_written_where_there_are_links() {
        let link = |syntax: Syntax| syntax.link("https://a.example/?x=1&y=2", "A");

        assert_eq!(link(Syntax::SlackJson), "<https://a.example/?x=1&y=2|A>");
        assert_eq!(link(Syntax::DiscordJson), "[A](https://a.example/?x=1&y=2)");
        assert_eq!(link(Syntax::Html), "<a href=\"https://a.example/?x=1&amp;y=2\">A</a>");
        assert_eq!(link(Syntax::Text), "A");
        assert_eq!(Syntax::SlackJson.link("", "A"), "A");
    }

    proptest! {
        #[test]
        fn a_fitted_text_fits_and_a_short_one_stays_whole(
            text in "([a-z]|[&<*_~`]|[\\[\\]\\\\\\n12.]|😀|é){0,40}",
            max_units in 0_usize..60,
        ) {
            for syntax in ALL {
                let fitted = syntax.fit(&text, max_units);

                prop_assert!(units(&fitted) <= max_units, "{fitted}");
                let whole = syntax.words(&one_line(&text));
                if units(&whole) <= max_units {
                    prop_assert_eq!(fitted, whole);
                }
            }
        }
    }
}
