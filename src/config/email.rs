//! `type = "email"`: mail over SMTP.

use lettre::Address;
use lettre::message::Mailbox;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::address::is_loopback_host;
use super::length::short;
use super::notes::Notes;
use super::table::{Keys, Table};
use crate::deliver::email::settings::{EmailSettings, Tls};
use crate::problem::Problem;
use crate::secret::SecretSource;

/// Sends a mail to each address.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct EmailWritten {
    /// The mail server.
    #[schemars(with = "String", length(min = 1), extend("examples" = ["smtp.example.com"]))]
    host: Option<Spanned<String>>,
    /// Default: 587 for "starttls", 465 for "implicit", 25 for "none".
    #[schemars(with = "Option<u16>", range(min = 1), extend("examples" = [587]))]
    port: Option<Spanned<u16>>,
    /// How the connection is protected.
    #[schemars(with = "Option<TlsWritten>", extend("default" = "starttls", "examples" = ["starttls"]))]
    tls: Option<Spanned<TlsWritten>>,
    /// Goes with `password`.
    #[schemars(with = "Option<String>", length(min = 1), extend("examples" = ["notify@example.com"]))]
    username: Option<Spanned<String>>,
    /// Goes with `username`.
    #[schemars(with = "Option<SecretSource>", extend("examples" = [{ "env": "SMTP_PASSWORD" }]))]
    password: Option<Spanned<SecretSource>>,
    /// The sender: `notify@example.com` or `Descript <notify@example.com>`.
    #[schemars(with = "String", extend("examples" = ["Descript <notify@example.com>"]))]
    from: Option<Spanned<String>>,
    /// Each address gets a mail of its own.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["editors@example.com"]]))]
    to: Option<Vec<Spanned<String>>>,
    /// Shown as copied.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["lead@example.com"]]))]
    cc: Option<Vec<Spanned<String>>>,
    /// Get it too, and are shown to nobody.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["archive@example.com"]]))]
    bcc: Option<Vec<Spanned<String>>>,
    /// Where answers go.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["producer@example.com"]]))]
    reply_to: Option<Vec<Spanned<String>>>,
    /// One thread for each job: all its mails have one subject, project and type of the job.
    #[schemars(extend("default" = false, "examples" = [true]))]
    live: Option<bool>,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum TlsWritten {
    /// By STARTTLS; nothing is sent where the server does not offer it.
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all; with a password only to this machine.
    None,
}

pub(super) fn read(
    mut table: Table<'_>,
    keys: &Keys,
    notes: &mut Notes<'_>,
) -> Option<EmailSettings> {
    let named = |key: &str| table.entries.contains_key(key);
    let addressed = named("to") || named("cc") || named("bcc");
    let credentials = (named("username"), named("password"));
    let place = table.place.clone();
    let written: EmailWritten = table.read(keys, notes);

    let tls = written.tls.as_ref().map_or(TlsWritten::Starttls, |tls| *tls.get_ref());
    let port = port(written.port.as_ref(), tls, notes);
    let host = written.host.as_ref().and_then(|host| checked_host(host, notes));
    match credentials {
        (true, false) => {
            let problem = Problem::error("`username` needs a `password`").at(place.clone());
            notes.whole(problem.help("add password = { env = \"SMTP_PASSWORD\" }"));
        }
        (false, true) => {
            let problem = Problem::error("`password` needs a `username`").at(place.clone());
            notes.whole(problem.help("add username = \"notify@example.com\""));
        }
        _ => {}
    }
    if let (TlsWritten::None, Some(host), Some(password)) = (tls, &host, &written.password)
        && !is_loopback_host(host)
    {
        let message = "without TLS a password may go only to this machine";
        notes.error_with_help("password", password.span(), message, "use tls = \"starttls\"");
    }
    if written.username.as_ref().is_some_and(|name| name.get_ref().is_empty())
        && let Some(name) = &written.username
    {
        notes.error("username", name.span(), "the user's name is empty");
    }
    let from = written.from.as_ref().and_then(|from| mailbox(from, "from", notes));
    let mut list = |key, written: &Option<Vec<Spanned<String>>>| -> Vec<Mailbox> {
        written.iter().flatten().filter_map(|address| mailbox(address, key, notes)).collect()
    };
    let (to, cc) = (list("to", &written.to), list("cc", &written.cc));
    let (bcc, reply_to) = (list("bcc", &written.bcc), list("reply_to", &written.reply_to));
    let empty = |list: &Option<Vec<_>>| list.as_ref().is_none_or(Vec::is_empty);
    let nobody = empty(&written.to) && empty(&written.cc) && empty(&written.bcc);
    let all_dropped =
        addressed && [&written.to, &written.cc, &written.bcc].iter().all(|l| l.is_none());
    if nobody && !all_dropped {
        let problem = Problem::error("it has no recipient").at(place);
        notes.whole(problem.help("add to = [\"editors@example.com\"]"));
    }
    Some(EmailSettings {
        host: host?,
        port,
        tls: match tls {
            TlsWritten::Starttls => Tls::Starttls,
            TlsWritten::Implicit => Tls::Implicit,
            TlsWritten::None => Tls::None,
        },
        username: written.username.map(Spanned::into_inner),
        password: written.password.map(Spanned::into_inner),
        from: from?,
        to,
        cc,
        bcc,
        reply_to,
        live: written.live.unwrap_or(false),
    })
}

/// The registered ports of submission, submission over TLS and relay.
/// <https://www.rfc-editor.org/rfc/rfc8314#section-3.3>
fn port(written: Option<&Spanned<u16>>, tls: TlsWritten, notes: &mut Notes<'_>) -> u16 {
    let Some(written) = written else {
        return match tls {
            TlsWritten::Starttls => 587,
            TlsWritten::Implicit => 465,
            TlsWritten::None => 25,
        };
    };
    let hint = match (*written.get_ref(), tls) {
        (0, _) => {
            notes.error("port", written.span(), "0 is not a port");
            None
        }
        (465, TlsWritten::Starttls) => {
            Some(("465 is the port of TLS from the first byte", "tls = \"implicit\""))
        }
        (587 | 25, TlsWritten::Implicit) => {
            Some(("this is the port of STARTTLS", "tls = \"starttls\""))
        }
        _ => None,
    };
    if let Some((message, instead)) = hint {
        let warning = Problem::warning(message).at(written.span());
        notes.key("port", warning.help(format!("did you mean {instead}?")));
    }
    *written.get_ref()
}

fn checked_host(written: &Spanned<String>, notes: &mut Notes<'_>) -> Option<String> {
    let host = written.get_ref();
    // The brackets of an IPv6 address may be left out.
    let bracketed = host.contains(':') && !host.starts_with('[');
    let parsed = match bracketed {
        true => url::Host::parse(&format!("[{host}]")),
        false => url::Host::parse(host),
    };
    if host.contains("://") || host.contains('/') || parsed.is_err() {
        let message = format!("`{}` is not a host", short(host));
        let help = "write the name alone, like smtp.example.com; the port has its own key";
        notes.error_with_help("host", written.span(), message, help);
        return None;
    }
    Some(host.clone())
}

/// Reads `address` or `Name <address>`. lettre's own parser passes over what follows the
/// first address, so the two halves are parted here.
fn mailbox(written: &Spanned<String>, key: &str, notes: &mut Notes<'_>) -> Option<Mailbox> {
    let parsed = parse_mailbox(written.get_ref());
    if parsed.is_none() {
        let message = format!("`{}` is not a mail address", short(written.get_ref()));
        let help = "write one address, like \"Name <name@example.com>\"";
        notes.error_with_help(key, written.span(), message, help);
    }
    parsed
}

fn parse_mailbox(text: &str) -> Option<Mailbox> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let text = text.trim();
    let Some(front) = text.strip_suffix('>') else {
        return Some(Mailbox::new(None, text.parse::<Address>().ok()?));
    };
    let (name, address) = front.rsplit_once('<')?;
    let name = name.trim();
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    let name = name.replace("\\\"", "\"").replace("\\\\", "\\");
    if name.contains(['<', '>', '@']) {
        return None;
    }
    Some(Mailbox::new((!name.is_empty()).then_some(name), address.parse::<Address>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_and_without_a_name() {
        let read = |text| parse_mailbox(text).map(|found| (found.name, found.email.to_string()));
        let plain = "a@example.com".to_owned();

        assert_eq!(read("a@example.com"), Some((None, plain.clone())));
        assert_eq!(read("<a@example.com>"), Some((None, plain.clone())));
        assert_eq!(read("Ann B. <a@example.com>"), Some((Some("Ann B.".into()), plain.clone())));
        assert_eq!(read("\"B, Ann\" <a@example.com>"), Some((Some("B, Ann".into()), plain)));
    }

    #[test]
    fn what_is_more_or_less_than_one_address_is_refused() {
        for text in [
            "",
            "ann",
            "a@b@c",
            "a@example.com, b@example.com",
            "a@example.com b@example.com",
            "A <a@example.com> B <b@example.com>",
            "A\r\nBcc: b@example.com <a@example.com>",
            "a@example.com>",
        ] {
            assert!(parse_mailbox(text).is_none(), "{text}");
        }
    }
}
