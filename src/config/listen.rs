//! Where the service listens, and who may look: the keys of `[service]` about that.

use std::net::SocketAddr;
use std::ops::Range;

use toml::Spanned;

use super::length::short;
use super::notes::Notes;
use crate::problem::Problem;
use crate::secret::SecretSource;

/// Where the dashboard, the API, metrics, health and callbacks are.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Port 0 takes a free one.
    pub address: SocketAddr,
    /// Who has it may look and decide.
    pub admin_token: Option<SecretSource>,
    /// Who has it may look.
    pub read_token: Option<SecretSource>,
    /// What stands before every path behind a proxy, like `/notify`; empty for nothing.
    pub base_path: String,
}

/// What is written about listening.
pub(super) struct Written {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) admin_token: Option<SecretSource>,
    pub(super) read_token: Option<SecretSource>,
    pub(super) base_path: Option<Spanned<String>>,
}

/// Reads the keys; `None` where nothing listens.
pub(super) fn read(written: Written, notes: &mut Notes<'_>) -> Option<Listen> {
    let Written { listen, admin_token, read_token, base_path } = written;
    let base_path = base_path.map_or(String::new(), |path| path_of(&path, notes));
    let Some(listen) = listen else {
        if admin_token.is_some() || read_token.is_some() || !base_path.is_empty() {
            let warning = Problem::warning("nothing listens, so nobody can use the tokens");
            notes.whole(warning.help("add listen = \"127.0.0.1:8750\""));
        }
        return None;
    };
    let span = listen.span();
    let address = address_of(listen.get_ref(), span.clone(), notes)?;
    if !address.ip().is_loopback() && admin_token.is_none() && read_token.is_none() {
        let message = "an address that others can reach needs a token";
        let help = "add admin_token = { env = \"DESCRIPT_NOTIFY_ADMIN_TOKEN\" } (or read_token, \
                    for looking only), or listen on 127.0.0.1";
        notes.error_with_help("listen", span, message, help);
        return None;
    }
    Some(Listen { address, admin_token, read_token, base_path })
}

fn address_of(text: &str, span: Range<usize>, notes: &mut Notes<'_>) -> Option<SocketAddr> {
    let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    match named.as_deref().unwrap_or(text).parse() {
        Ok(address) => Some(address),
        Err(_) => {
            let message = format!("`{}` is not an address with a port", short(text));
            let help = "write it like 127.0.0.1:8750, [::1]:8750 or 0.0.0.0:8750";
            notes.error_with_help("listen", span, message, help);
            None
        }
    }
}

fn path_of(written: &Spanned<String>, notes: &mut Notes<'_>) -> String {
    let text = written.get_ref().trim_end_matches('/');
    let fits = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    };
    let well = match text.strip_prefix('/') {
        Some(rest) => rest.split('/').all(fits),
        None => text.is_empty() && !written.get_ref().is_empty(),
    };
    if well {
        return text.to_owned();
    }
    let message = format!("`{}` is not a path", short(written.get_ref()));
    notes.error_with_help("base_path", written.span(), message, "write it like \"/notify\"");
    String::new()
}
