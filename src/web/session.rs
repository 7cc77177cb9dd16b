//! What a browser is given after it has shown a token, and what its forms carry.
//!
//! A session is a right and its end, signed with the tokens themselves: a changed token ends every
//! session, a restart none. The cookie goes to no other site and no script sees it. A form's mark
//! is bound to the session and to this process.

use axum::http::header::{COOKIE, HeaderMap, ORIGIN};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use super::access::{Right, same};
use crate::secret::Secret;

const NAME: &str = "descript_notify_session";

/// How long a browser is remembered.
const LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Signs and reads sessions.
#[derive(Debug, Clone)]
pub(super) struct Sessions(Secret);

/// Marks forms, so that no other page can send one.
#[derive(Debug)]
pub(super) struct Forms(Secret);

impl Sessions {
    pub(super) fn new(admin: Option<&Secret>, read: Option<&Secret>) -> Self {
        let text = |token: Option<&Secret>| token.map_or("", Secret::expose).to_owned();
        Self(Secret::new(format!("{}\n{}", text(admin), text(read))))
    }

    /// The cookie that lets a browser do as much, below `path`.
    pub(super) fn cookie(
        &self,
        right: Right,
        now: Timestamp,
        path: &str,
        headers: &HeaderMap,
    ) -> String {
        let end = now.checked_add(LASTS).unwrap_or(now).as_second();
        let word = if right == Right::Decide { "decide" } else { "look" };
        let claim = format!("{word}.{end}");
        let signature = signed(&self.0, &claim);
        let lasts = LASTS.as_secs();
        let secure = secure(headers);
        format!(
            "{NAME}={claim}.{signature}; Path={path}/; Max-Age={lasts}; HttpOnly; \
             SameSite=Strict{secure}"
        )
    }

    /// The cookie that ends a session.
    pub(super) fn end(path: &str, headers: &HeaderMap) -> String {
        let secure = secure(headers);
        format!("{NAME}=; Path={path}/; Max-Age=0; HttpOnly; SameSite=Strict{secure}")
    }

    /// What the session of a request lets its sender do.
    pub(super) fn right_of(&self, headers: &HeaderMap, now: Timestamp) -> Right {
        self.read(headers, now).unwrap_or(Right::Nothing)
    }

    fn read(&self, headers: &HeaderMap, now: Timestamp) -> Option<Right> {
        let (claim, signature) = session_of(headers)?.rsplit_once('.')?;
        if !same(&signed(&self.0, claim), signature) {
            return None;
        }
        let (word, end) = claim.split_once('.')?;
        let right = match word {
            "decide" => Right::Decide,
            "look" => Right::Look,
            _ => return None,
        };
        (now.as_second() < end.parse().ok()?).then_some(right)
    }
}

impl Forms {
    /// With a key that is new and that nobody can guess.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new() -> std::io::Result<Self> {
        use std::io::Read as _;
        let mut key = [0; 32];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
        Ok(Self(Secret::new(hex(&key))))
    }

    /// The mark of a form on a page for this request's sender.
    pub(super) fn mark(&self, headers: &HeaderMap) -> String {
        signed(&self.0, session_of(headers).unwrap_or(""))
    }

    /// Whether a form was on such a page.
    pub(super) fn knows(&self, mark: &str, headers: &HeaderMap) -> bool {
        same(&self.mark(headers), mark)
    }
}

/// Whether a request brings a session, valid or not.
pub(super) fn has_session(headers: &HeaderMap) -> bool {
    session_of(headers).is_some_and(|session| !session.is_empty())
}

fn session_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))
}

/// Behind a proxy that ends TLS the browser tells so by the origin of its form.
fn secure(headers: &HeaderMap) -> &'static str {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    if origin.is_some_and(|origin| origin.starts_with("https://")) { "; Secure" } else { "" }
}

fn signed(key: &Secret, text: &str) -> String {
    // A key of any length will do.
    match Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()) {
        Ok(mut hmac) => {
            hmac.update(text.as_bytes());
            hex(&hmac.finalize().into_bytes())
        }
        Err(_) => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn sessions(admin: &str) -> Sessions {
        Sessions::new(Some(&Secret::new(admin)), None)
    }

    fn sent_back(cookie: &str) -> HeaderMap {
        let pair = cookie.split(';').next().unwrap();
        let value = HeaderValue::from_str(&format!("other=1; {pair}")).unwrap();
        HeaderMap::from_iter([(COOKIE, value)])
    }

    #[test]
    fn a_session_lasts_a_week_or_until_the_token_changes() {
        let now = Timestamp::UNIX_EPOCH;
        let cookie = sessions("a").cookie(Right::Look, now, "/notify", &HeaderMap::new());
        let headers = sent_back(&cookie);

        assert_eq!(sessions("a").right_of(&headers, now), Right::Look);
        assert_eq!(sessions("a").right_of(&headers, now + LASTS), Right::Nothing);
        assert_eq!(sessions("b").right_of(&headers, now), Right::Nothing);
        assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
        assert!(cookie.contains("; Path=/notify/;"), "{cookie}");
    }

    #[test]
    fn a_session_cannot_be_made_larger() {
        let now = Timestamp::UNIX_EPOCH;
        let cookie = sessions("a").cookie(Right::Look, now, "", &HeaderMap::new());

        for forged in [
            cookie.replace("look", "decide"),
            cookie.replace("look.", "look.9"),
            format!("{NAME}=decide.9999999999."),
            format!("{NAME}=decide.9999999999"),
        ] {
            let right = sessions("a").right_of(&sent_back(&forged), now);
            assert_eq!(right, Right::Nothing, "{forged}");
        }
    }

    #[test]
    fn a_forms_mark_belongs_to_one_session_of_one_process() {
        let forms = Forms::new().unwrap();
        let one = sent_back(&format!("{NAME}=one"));
        let other = sent_back(&format!("{NAME}=other"));

        assert!(forms.knows(&forms.mark(&one), &one));
        assert!(!forms.knows(&forms.mark(&one), &other));
        assert!(!forms.knows("", &one));
        assert!(!Forms::new().unwrap().knows(&forms.mark(&one), &one));
    }

    #[test]
    fn a_cookie_over_tls_stays_on_tls() {
        let origin = HeaderValue::from_static("https://bridge.example");
        let headers = HeaderMap::from_iter([(ORIGIN, origin)]);

        let cookie = sessions("a").cookie(Right::Look, Timestamp::UNIX_EPOCH, "", &headers);

        assert!(cookie.ends_with("; Secure"), "{cookie}");
    }
}
