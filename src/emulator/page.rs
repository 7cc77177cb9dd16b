//! Pages and cursors of the emulator's lists.
//!
//! Pure. A cursor normally names the last row shown (keyset paging, so rows that come or go
//! elsewhere do not matter); the `shift` fault makes it a row number, whose pages overlap or
//! leave gaps when rows come or go. Outside, both are opaque base64.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

/// Which jobs come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

impl std::str::FromStr for Order {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "newest" => Ok(Self::NewestFirst),
            "oldest" => Ok(Self::OldestFirst),
            _ => Err(format!("no order is called `{word}`: use newest or oldest")),
        }
    }
}

/// Where a page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cursor {
    /// Behind the row with this key.
    After { created_at: Timestamp, id: String },
    /// At the row with this number.
    Row(usize),
}

impl Cursor {
    /// The opaque text that clients are given.
    pub(super) fn encode(&self) -> String {
        let plain = match self {
            Self::After { created_at, id } => format!("k:{}:{id}", created_at.as_nanosecond()),
            Self::Row(number) => format!("r:{number}"),
        };
        URL_SAFE_NO_PAD.encode(plain)
    }

    /// Reads a text that [`Cursor::encode`] made; `None` for any other.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        match plain.split_once(':')? {
            ("k", key) => {
                let (nanoseconds, id) = key.split_once(':')?;
                let created_at = Timestamp::from_nanosecond(nanoseconds.parse().ok()?).ok()?;
                Some(Self::After { created_at, id: id.to_owned() })
            }
            ("r", number) => Some(Self::Row(number.parse().ok()?)),
            _ => None,
        }
    }
}

/// How faults bend the paging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bend {
    /// The next cursor is the one that was asked with, for ever.
    pub(super) repeat: bool,
    /// Before each further page so many rows came in at the front (or left, when negative).
    pub(super) shift: Option<i64>,
}

/// A row's place: the time it was created, then its id.
pub(super) type Key<'a> = (Timestamp, &'a str);

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page<T> {
    pub(super) rows: Vec<T>,
    pub(super) next: Option<String>,
}

/// Cuts a page out of `rows`, which stand in `order`.
pub(super) fn page<T>(
    rows: impl Iterator<Item = T>,
    key: impl for<'a> Fn(&'a T) -> Key<'a>,
    order: Order,
    asked: Option<&Cursor>,
    limit: usize,
    bend: Bend,
) -> Page<T> {
    let is_before = |row: &T| match asked {
        Some(Cursor::After { created_at, id }) => match order {
            Order::NewestFirst => key(row) >= (*created_at, id),
            Order::OldestFirst => key(row) <= (*created_at, id),
        },
        _ => false,
    };
    let first = match asked {
        Some(Cursor::Row(number)) => shifted(*number, bend.shift.unwrap_or(0), limit),
        _ => 0,
    };
    let mut rest = rows.skip_while(is_before).skip(first).peekable();
    let mut shown = Vec::new();
    while shown.len() < limit
        && let Some(row) = rest.next()
    {
        shown.push(row);
    }
    let after_last = shown.last().map(|last| {
        let (created_at, id) = key(last);
        Cursor::After { created_at, id: id.to_owned() }
    });
    let by_row = bend.shift.is_some() || matches!(asked, Some(Cursor::Row(_)));
    let onward = if by_row { Some(Cursor::Row(first + shown.len())) } else { after_last };
    let next = if bend.repeat {
        Some(asked.cloned().or(onward).unwrap_or(Cursor::Row(0)).encode())
    } else {
        onward.filter(|_| rest.peek().is_some()).map(|cursor| cursor.encode())
    };
    Page { rows: shown, next }
}

/// Rows that came in push known rows onto the page, but never so many that it does not advance.
fn shifted(number: usize, rows: i64, limit: usize) -> usize {
    let count = usize::try_from(rows.unsigned_abs()).unwrap_or(usize::MAX);
    if rows < 0 {
        number.saturating_add(count)
    } else {
        number.saturating_sub(count.min(limit.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    type Row = (Timestamp, String);

    /// Rows in their order; two neighbours share a second, so that the id must tell them apart.
    fn rows(count: i64, order: Order) -> Vec<Row> {
        let start: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let mut rows: Vec<Row> = (0..count)
            .map(|n| (start + SignedDuration::from_secs(n / 2), format!("id-{n:03}")))
            .collect();
        if order == Order::NewestFirst {
            rows.reverse();
        }
        rows
    }

    fn cut(
        rows: &[Row],
        order: Order,
        cursor: Option<&str>,
        limit: usize,
        bend: Bend,
    ) -> Page<Row> {
        let cursor = cursor.map(|text| Cursor::decode(text).unwrap());
        page(
            rows.iter().cloned(),
            |row| (row.0, row.1.as_str()),
            order,
            cursor.as_ref(),
            limit,
            bend,
        )
    }

    fn walk(rows: &[Row], order: Order, limit: usize, bend: Bend) -> Vec<Row> {
        let mut seen = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..1_000 {
            let page = cut(rows, order, cursor.as_deref(), limit, bend);
            seen.extend(page.rows);
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        seen
    }

    proptest! {
        #[test]
        fn a_walk_shows_every_row_once_and_in_order(count in 0i64..60, limit in 1usize..20) {
            for order in [Order::NewestFirst, Order::OldestFirst] {
                let rows = rows(count, order);

                prop_assert_eq!(walk(&rows, order, limit, Bend::default()), rows);
            }
        }

        #[test]
        fn a_cursor_reads_back_as_it_was(ns in 0i64..i64::MAX, id in ".{0,40}", row: usize) {
            let created_at = Timestamp::from_nanosecond(ns.into()).unwrap();
            for cursor in [Cursor::After { created_at, id: id.clone() }, Cursor::Row(row)] {
                prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
            }
        }
    }

    #[test]
    fn rows_that_come_in_show_one_row_twice_and_rows_that_leave_hide_one() {
        let rows = rows(6, Order::NewestFirst);
        let ids = |shift| -> Vec<String> {
            let bend = Bend { shift: Some(shift), ..Bend::default() };
            walk(&rows, Order::NewestFirst, 3, bend).into_iter().map(|row| row.1).collect()
        };

        assert_eq!(
            ids(1),
            ["id-005", "id-004", "id-003", "id-003", "id-002", "id-001", "id-001", "id-000"]
        );
        assert_eq!(ids(-1), ["id-005", "id-004", "id-003", "id-001", "id-000"]);
    }

    #[test]
    fn a_shift_as_wide_as_the_page_still_ends() {
        let rows = rows(5, Order::NewestFirst);

        let seen = walk(&rows, Order::NewestFirst, 1, Bend { shift: Some(9), repeat: false });

        assert_eq!(seen, rows);
    }

    #[test]
    fn a_repeated_cursor_is_the_one_that_was_asked_with() {
        let rows = rows(4, Order::NewestFirst);
        let bend = Bend { repeat: true, shift: None };

        let first = cut(&rows, Order::NewestFirst, None, 3, bend);
        let second = cut(&rows, Order::NewestFirst, first.next.as_deref(), 3, bend);
        let empty = cut(&[], Order::NewestFirst, None, 3, bend);

        assert!(first.next.is_some());
        assert_eq!(second.next, first.next);
        assert!(empty.next.is_some());
    }

    #[test]
    fn a_row_that_comes_in_during_a_walk_does_not_move_a_normal_cursor() {
        let before = rows(6, Order::NewestFirst);
        let first = cut(&before, Order::NewestFirst, None, 3, Bend::default());
        let after = rows(8, Order::NewestFirst);

        let second = cut(&after, Order::NewestFirst, first.next.as_deref(), 3, Bend::default());

        assert_eq!(second.rows, before[3..]);
    }

    #[test]
    fn a_foreign_cursor_is_not_read() {
        for text in ["", "%%%", "eHg", "YTFiMmMzZDQtNTY3OC05MGFi"] {
            assert_eq!(Cursor::decode(text), None);
        }
    }
}
