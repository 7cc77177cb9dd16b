//! What comes out of each syntax's escapes, as tables.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const HOSTILE: &str =
    "\"},{\"x\":\"\\ <!channel> @everyone </b> *b*\r\n\u{202e}\u{1b}[31m=?utf-8?q?x?= {{job}}";

#[test]
fn each_syntax_makes_a_hostile_text_harmless() {
    let shown = |syntax: Syntax| syntax.escape(HOSTILE).replace('\u{200b}', "·");

    insta::assert_snapshot!(shown(Syntax::SlackJson), @r#"\"},{\"x\":\"\\ &lt;!channel&gt; @everyone &lt;/b&gt; *·b·*\n=?utf-8?q?x?= {{job}}"#);
    insta::assert_snapshot!(shown(Syntax::DiscordJson), @r#"\"},{\"x\"\\:\"\\\\ \\<!channel\\> \\@everyone \\</b\\> \\*b\\*\n=?utf-8?q?x?= {{job}}"#);
    insta::assert_snapshot!(shown(Syntax::Json), @r#"\"},{\"x\":\"\\ <!channel> @everyone </b> *b*\n=?utf-8?q?x?= {{job}}"#);
    insta::assert_snapshot!(shown(Syntax::Html), @r#"
    &quot;},{&quot;x&quot;:&quot;\ &lt;!channel&gt; @everyone &lt;/b&gt; *b*
    &#x3D;?utf-8?q?x?&#x3D; {{job}}
    "#);
    insta::assert_snapshot!(shown(Syntax::Text), @r#"
    "},{"x":"\ <!channel> @everyone </b> *b*
        =?utf-8?q?x?= {{job}}
    "#);
    insta::assert_snapshot!(shown(Syntax::Subject), @r#""},{"x":"\ <!channel> @everyone </b> *b* = ?utf-8?q?x?= {{job}}"#);
}

#[test]
fn plain_drops_the_mark_up_escape_and_keeps_the_one_of_json_and_html() {
    let given = "a \"b\" <c> *d*\n\u{202e}e";

    assert_eq!(Syntax::SlackJson.plain(given), "a \\\"b\\\" <c> *d* e");
    assert_eq!(Syntax::DiscordJson.plain(given), "a \\\"b\\\" <c> *d* e");
    assert_eq!(Syntax::Html.plain(given), "a &quot;b&quot; &lt;c&gt; *d* e");
    assert_eq!(Syntax::Text.plain(given), "a \"b\" <c> *d* e");
}

#[test]
fn json_of_a_value_is_no_way_round_the_mark_up_escape() {
    let value = json!({"<!here>": ["<@U1>", 1, null, true]});

    assert_eq!(Syntax::SlackJson.json(&value), r#"{"&lt;!here&gt;":["&lt;@U1&gt;",1,null,true]}"#);
    assert_eq!(Syntax::Json.json(&value), r#"{"<!here>":["<@U1>",1,null,true]}"#);
    assert!(Syntax::Html.json(&value).starts_with("{&quot;&lt;!here&gt;&quot;"));
}

#[test]
fn a_subject_is_one_short_line() {
    let long = format!("a\r\nBcc: x@example.com {}", "w".repeat(500));

    let subject = subject_line(&long);

    assert!(subject.starts_with("a Bcc: x@example.com w"));
    assert_eq!(subject.chars().count(), 120);
    assert!(subject.ends_with('…'));
}

proptest! {
    #[test]
    fn whatever_the_text_it_stays_within_its_json_string(text in "\\PC*|[\\x00-\\x7f]*") {
        for syntax in [Syntax::SlackJson, Syntax::DiscordJson, Syntax::Json] {
            for inside in [syntax.escape(&text), syntax.plain(&text), syntax.url(&text)] {
                let parsed: Value = serde_json::from_str(&format!("[\"{inside}\"]")).unwrap();
                prop_assert!(parsed[0].is_string() && parsed[1].is_null());
            }
        }
        prop_assert!(!Syntax::SlackJson.escape(&text).contains(['<', '>', '`']));
        prop_assert!(!Syntax::Html.escape(&text).contains(['<', '>', '"', '\'']));
        prop_assert!(!Syntax::Text.escape(&text).chars().any(|char| char.is_control() && char != '\n'));
        prop_assert!(!subject_line(&text).contains(['\r', '\n']));
    }
}
