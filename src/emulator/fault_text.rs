//! Faults as a person writes them: `KIND[=VALUE][:KEY=VALUE]…`, on the command line and in
//! scenario files. Pure. [`Fault`] shows the whole list.

use std::str::FromStr;

use crate::problem::suggestion;

use super::fault::{Endpoint, Fault, FaultError, FaultKind, RetryAfter};
use super::span;

const WORDS: [&str; 16] = [
    "429",
    "500",
    "html",
    "not-json",
    "not-object",
    "cut",
    "huge",
    "bomb",
    "slow",
    "wait",
    "gzip",
    "content-type",
    "odd-element",
    "repeat-cursor",
    "shift",
    "skew",
];

const KEYS: [&str; 8] =
    ["on", "from", "times", "after", "for", "retry-after", "retry-after-date", "retry-after-text"];

const ENDPOINTS: [(&str, Endpoint); 7] = [
    ("any", Endpoint::Any),
    ("list", Endpoint::List),
    ("get", Endpoint::Get),
    ("cancel", Endpoint::Cancel),
    ("projects", Endpoint::Projects),
    ("project", Endpoint::Project),
    ("start", Endpoint::Start),
];

const HUGE_MIB: u32 = 20;
const BOMB_MIB: u32 = 64;
const MAX_MIB: u32 = 4_096;

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut parts = text.split(':');
        let head = parts.next().unwrap_or_default();
        let (word, value) = match head.split_once('=') {
            Some((word, value)) => (word, Some(value)),
            None => (head, None),
        };
        let mut fault = Self::new(kind(word, value).map_err(FaultError)?);
        for part in parts {
            let Some((key, value)) = part.split_once('=') else {
                return Err(FaultError(format!(
                    "`{part}` should be a key and a value, like `times=3`"
                )));
            };
            fault.set(key, value).map_err(FaultError)?;
        }
        Ok(fault)
    }
}

impl Fault {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "on" => self.on = value.parse()?,
            "from" => self.from = number(key, value)?,
            "times" if value == "always" => self.times = None,
            "times" => self.times = Some(number(key, value)?),
            "after" => self.after = span::unsigned(value)?,
            "for" => self.lasting = Some(span::unsigned(value)?),
            "retry-after" | "retry-after-date" | "retry-after-text" => {
                let FaultKind::Status { retry_after, .. } = &mut self.kind else {
                    return Err(format!("`{key}` goes with a status, like `429:{key}={value}`"));
                };
                *retry_after = Some(match key {
                    "retry-after" => RetryAfter::Seconds(seconds(value)?),
                    "retry-after-date" => RetryAfter::Date(span::unsigned(value)?),
                    _ => RetryAfter::Text(value.to_owned()),
                });
            }
            _ => return Err(format!("a fault has no key `{key}`: {}", suggestion(key, &KEYS))),
        }
        Ok(())
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = ENDPOINTS.iter().find(|(name, _)| *name == word);
        known.map(|(_, endpoint)| *endpoint).ok_or_else(|| {
            format!(
                "no requests are called `{word}`: {}",
                suggestion(word, &ENDPOINTS.map(|e| e.0))
            )
        })
    }
}

fn kind(word: &str, value: Option<&str>) -> Result<FaultKind, String> {
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return match (status(word), value) {
            (Some(status), None) => Ok(FaultKind::Status { status, retry_after: None }),
            (None, _) => Err(format!("`{word}` is not an error status: use 400 to 599")),
            (_, Some(_)) => Err(format!("`{word}` takes no value, only keys after a colon")),
        };
    }
    let needed =
        |example: &str| value.ok_or_else(|| format!("`{word}` needs a value, like `{example}`"));
    let kind = match word {
        "html" => {
            let asked = value.unwrap_or("502");
            let page = status(asked).or((asked == "200").then_some(200));
            let status =
                page.ok_or_else(|| format!("`{asked}` is not a status: use 200 or 400 to 599"))?;
            FaultKind::Html { status }
        }
        "huge" => FaultKind::Huge { mib: mebibytes(value, HUGE_MIB)? },
        "bomb" => FaultKind::Bomb { mib: mebibytes(value, BOMB_MIB)? },
        "slow" => FaultKind::Slow { pause: span::unsigned(needed("slow=100ms")?)? },
        "wait" => FaultKind::Wait { pause: span::unsigned(needed("wait=2s")?)? },
        "skew" => FaultKind::Skew { by: span::signed(needed("skew=-1h")?)? },
        "content-type" => FaultKind::ContentType(header(needed("content-type=text/html")?)?),
        "shift" => FaultKind::Shift { rows: number(word, value.unwrap_or("1"))? },
        _ => return plain(word, value),
    };
    Ok(kind)
}

fn plain(word: &str, value: Option<&str>) -> Result<FaultKind, String> {
    let kind = match word {
        "not-json" => FaultKind::NotJson,
        "not-object" => FaultKind::NotObject,
        "cut" => FaultKind::Cut,
        "gzip" => FaultKind::Gzip,
        "odd-element" => FaultKind::OddElement,
        "repeat-cursor" => FaultKind::RepeatCursor,
        _ => return Err(format!("no fault is called `{word}`: {}", suggestion(word, &WORDS))),
    };
    match value {
        None => Ok(kind),
        Some(_) => Err(format!("`{word}` takes no value, only keys after a colon")),
    }
}

fn status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (400..=599).contains(status))
}

fn seconds(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let wait = span::unsigned(text)?;
    Ok(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

fn mebibytes(value: Option<&str>, default: u32) -> Result<u32, String> {
    let Some(text) = value else { return Ok(default) };
    text.parse().ok().filter(|mib| (1..=MAX_MIB).contains(mib)).ok_or_else(|| {
        format!("`{text}` is not a size in MiB: use a whole number from 1 to {MAX_MIB}")
    })
}

fn header(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Ok(text.to_owned());
    }
    Err("a content type is written in visible ASCII, like `text/html`".into())
}

fn number<N: FromStr>(key: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("`{key}` is a whole number, not `{value}`"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::*;

    fn fault(text: &str) -> Fault {
        text.parse().unwrap()
    }

    #[test]
    fn a_fault_says_what_where_and_how_often() {
        let read = fault("429:retry-after=1500ms:on=list:from=3:times=2:after=10s:for=1m");

        assert_eq!(
            read,
            Fault {
                kind: FaultKind::Status { status: 429, retry_after: Some(RetryAfter::Seconds(2)) },
                on: Endpoint::List,
                from: 3,
                times: Some(2),
                after: Duration::from_secs(10),
                lasting: Some(Duration::from_secs(60)),
            }
        );
    }

    #[test]
    fn a_spoilt_answer_happens_once_and_a_bent_one_always() {
        assert_eq!(fault("cut").times, Some(1));
        assert_eq!(fault("repeat-cursor").times, None);
        assert_eq!(fault("429:times=always").times, None);
    }

    #[test]
    fn every_word_of_the_list_is_a_fault() {
        for word in WORDS {
            let needs = ["slow", "wait", "skew"].contains(&word);
            let text = match word {
                "content-type" => "content-type=text/html".into(),
                _ if needs => format!("{word}=1s"),
                _ => word.to_owned(),
            };

            assert!(text.parse::<Fault>().is_ok(), "{text}");
        }
    }

    #[test]
    fn the_forms_of_a_value_are_read() {
        assert_eq!(fault("html=200").kind, FaultKind::Html { status: 200 });
        assert_eq!(fault("shift=-2").kind, FaultKind::Shift { rows: -2 });
        assert_eq!(fault("bomb").kind, FaultKind::Bomb { mib: 64 });
        assert_eq!(fault("skew=-1h").kind, FaultKind::Skew { by: SignedDuration::from_hours(-1) });
        let waits = |text| match fault(text).kind {
            FaultKind::Status { retry_after, .. } => retry_after,
            _ => None,
        };
        assert_eq!(waits("503:retry-after-text=soon"), Some(RetryAfter::Text("soon".into())));
        let date = RetryAfter::Date(Duration::from_secs(2));
        assert_eq!(waits("429:retry-after-date=2s"), Some(date));
        assert_eq!(waits("429"), None);
    }

    #[test]
    fn a_mistake_is_told_with_what_to_write() {
        let why = |text: &str| text.parse::<Fault>().unwrap_err().to_string();

        insta::assert_snapshot!(why("repeat-curser"), @"no fault is called `repeat-curser`: did you mean `repeat-cursor`?");
        insta::assert_snapshot!(why("299"), @"`299` is not an error status: use 400 to 599");
        insta::assert_snapshot!(why("slow"), @"`slow` needs a value, like `slow=100ms`");
        insta::assert_snapshot!(why("slow=5"), @"`5` is not a length of time: write a number and a unit, like `200ms`, `2s` or `1h30m`");
        insta::assert_snapshot!(why("cut=1"), @"`cut` takes no value, only keys after a colon");
        insta::assert_snapshot!(why("cut:on=lists"), @"no requests are called `lists`: did you mean `list`?");
        insta::assert_snapshot!(why("cut:time=3"), @"a fault has no key `time`: did you mean `times`?");
        insta::assert_snapshot!(why("cut:often"), @"`often` should be a key and a value, like `times=3`");
        insta::assert_snapshot!(why("cut:retry-after=1s"), @"`retry-after` goes with a status, like `429:retry-after=1s`");
        insta::assert_snapshot!(why("cut:times=many"), @"`times` is a whole number, not `many`");
        insta::assert_snapshot!(why("huge=0"), @"`0` is not a size in MiB: use a whole number from 1 to 4096");
    }
}
