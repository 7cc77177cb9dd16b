//! Links that are safe to put into every syntax, for `{{url x}}`.

use url::Url;

/// Longer links are refused by Discord's embeds.
/// <https://docs.discord.com/developers/resources/message#embed-object-embed-limits>
const URL_MAX_BYTES: usize = 2048;

/// The link in normal form, every character that means something in mrkdwn, markdown, HTML
/// or JSON percent-encoded. Empty for anything but `https` to a host without a user name.
pub fn https_link(text: &str) -> String {
    let Ok(url) = Url::parse(text.trim()) else {
        return String::new();
    };
    let plain_host = url.host_str().is_some_and(|host| !host.is_empty());
    if url.scheme() != "https"
        || !plain_host
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return String::new();
    }
    let mut link = String::with_capacity(url.as_str().len());
    for char in url.as_str().chars() {
        match char {
            'a'..='z' | 'A'..='Z' | '0'..='9' => link.push(char),
            '-' | '.' | '_' | '~' | '/' | ':' | '?' | '#' | '&' | '=' | '%' | '+' | ',' | ';'
            | '@' | '!' | '$' => link.push(char),
            other => {
                let mut bytes = [0; 4];
                for byte in other.encode_utf8(&mut bytes).bytes() {
                    link.push_str(&format!("%{byte:02X}"));
                }
            }
        }
    }
    // Slack turns these back into characters, also within a link.
    for entity in ["&amp", "&lt", "&gt"] {
        link = link.replace(&format!("{entity};"), &format!("{entity}%3B"));
    }
    if link.len() > URL_MAX_BYTES { String::new() } else { link }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_to_a_plain_host_is_a_link() {
        for bad in [
            "",
            "x",
            "http://a.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://user@evil.example/",
            "https://good.example:pw@evil.example/",
            "//a.example",
            "https://",
        ] {
            assert_eq!(https_link(bad), "", "{bad}");
        }
        assert_eq!(https_link(&format!("https://a.example/{}", "x".repeat(3000))), "");
    }

    #[test]
    fn no_character_of_a_link_ends_it_early() {
        let cases = [
            ("https://a.example/p?q=1&r=2#f", "https://a.example/p?q=1&r=2#f"),
            (
                "https://a.example/a|b>c d)e(f]g[h",
                "https://a.example/a%7Cb%3Ec%20d%29e%28f%5Dg%5Bh",
            ),
            ("https://a.example/\"\\'`{}*^", "https://a.example/%22/%27%60%7B%7D%2A%5E"),
            ("https://a.example/?x=&lt;!channel&gt;", "https://a.example/?x=&lt%3B!channel&gt%3B"),
            ("https://bücher.example/ü\n", "https://xn--bcher-kva.example/%C3%BC"),
            ("https://a.example/%7C%20", "https://a.example/%7C%20"),
        ];

        for (given, expected) in cases {
            assert_eq!(https_link(given), expected, "{given}");
        }
    }
}
