//! The tables of a store, as far as copying them needs it. That nothing is left out is tested
//! against what the migrations make.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Real,
    Text,
}

/// A table: parents come before those that refer to them.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// How many of the first columns are its key.
    pub(super) key: usize,
    pub(super) columns: &'static [(&'static str, Kind)],
    /// Numbers its rows by itself.
    pub(super) counts: bool,
}

use Kind::{Int, Real, Text};

/// All of them. What processes hold in a store that they share, leases and pace, ends with them.
pub(super) const TABLES: [Table; 15] = [
    Table {
        name: "source",
        key: 1,
        counts: false,
        columns: &[
            ("name", Text),
            ("baseline_ms", Int),
            ("watermark_ms", Int),
            ("last_walk_ms", Int),
            ("last_complete_ms", Int),
            ("project", Int),
            ("failing_since_ms", Int),
            ("down_since_ms", Int),
            ("down_reason", Text),
        ],
    },
    Table {
        name: "job",
        key: 2,
        counts: false,
        columns: &[
            ("source", Text),
            ("job_id", Text),
            ("job_type", Text),
            ("state", Text),
            ("phase", Text),
            ("fingerprint", Int),
            ("progress", Int),
            ("progress_since_ms", Int),
            ("changes", Int),
            ("created_ms", Int),
            ("stopped_ms", Int),
            ("first_seen_ms", Int),
            ("ended_ms", Int),
            ("project_id", Text),
            ("resultless_since_ms", Int),
            ("read_ms", Int),
            ("forbidden", Int),
            ("document", Text),
            ("outcome", Text),
            ("media_seconds", Real),
            ("ai_credits", Real),
        ],
    },
    Table {
        name: "project",
        key: 2,
        counts: false,
        columns: &[("source", Text), ("project_id", Text), ("name", Text), ("asked_ms", Int)],
    },
    Table {
        name: "event",
        key: 1,
        counts: true,
        columns: &[
            ("seq", Int),
            ("id", Text),
            ("source", Text),
            ("subject", Text),
            ("slot", Text),
            ("occurrence", Text),
            ("kind", Text),
            ("from_state", Text),
            ("to_state", Text),
            ("detected_ms", Int),
            ("late", Int),
            ("job_id", Text),
            ("project_name", Text),
            ("name_unavailable", Int),
            ("document", Text),
            ("timer", Text),
        ],
    },
    Table {
        name: "verdict",
        key: 2,
        counts: false,
        columns: &[("event_id", Text), ("position", Int), ("rule", Text), ("verdict", Text)],
    },
    Table {
        name: "message_group",
        key: 1,
        counts: false,
        columns: &[
            ("id", Text),
            ("rule", Text),
            ("group_key", Text),
            ("hold", Text),
            ("opened_ms", Int),
            ("sealed_ms", Int),
        ],
    },
    Table {
        name: "group_member",
        key: 2,
        counts: false,
        columns: &[("group_id", Text), ("position", Int), ("event_id", Text)],
    },
    Table {
        name: "delivery",
        key: 1,
        counts: true,
        columns: &[
            ("seq", Int),
            ("id", Text),
            ("about", Text),
            ("event_id", Text),
            ("group_id", Text),
            ("rule", Text),
            ("notifier", Text),
            ("recipient", Text),
            ("template", Text),
            ("include_download_url", Int),
            ("source", Text),
            ("job_id", Text),
            ("kind", Text),
            ("terminal", Int),
            ("rank", Int),
            ("live", Int),
            ("state", Text),
            ("hold", Text),
            ("held_since_ms", Int),
            ("held_total_ms", Int),
            ("attempts", Int),
            ("failures", Int),
            ("created_ms", Int),
            ("due_ms", Int),
            ("first_attempt_ms", Int),
            ("ended_ms", Int),
            ("claim_owner", Text),
            ("claim_fence", Int),
            ("claimed_ms", Int),
            ("claimed_until_ms", Int),
            ("repeat", Int),
            ("suppressed", Int),
            ("last_error", Text),
        ],
    },
    Table {
        name: "attempt",
        key: 2,
        counts: false,
        columns: &[
            ("delivery_id", Text),
            ("number", Int),
            ("started_ms", Int),
            ("took_ms", Int),
            ("outcome", Text),
            ("status", Int),
            ("answer", Text),
        ],
    },
    Table {
        name: "live_message",
        key: 4,
        counts: false,
        columns: &[
            ("source", Text),
            ("job_id", Text),
            ("notifier", Text),
            ("recipient", Text),
            ("handle", Text),
            ("edited_ms", Int),
        ],
    },
    Table {
        name: "notifier",
        key: 1,
        counts: false,
        columns: &[
            ("name", Text),
            ("broken_since_ms", Int),
            ("reason", Text),
            ("probes", Int),
            ("probe_due_ms", Int),
        ],
    },
    Table {
        name: "throttle",
        key: 2,
        counts: false,
        columns: &[("rule", Text), ("throttle_key", Text), ("until_ms", Int), ("about", Text)],
    },
    Table { name: "dropped", key: 1, counts: false, columns: &[("rule", Text), ("count", Int)] },
    Table {
        name: "silence",
        key: 1,
        counts: false,
        columns: &[
            ("id", Text),
            ("matchers", Text),
            ("comment", Text),
            ("author", Text),
            ("created_ms", Int),
            ("expires_ms", Int),
            ("summarise", Int),
            ("silenced", Int),
        ],
    },
    Table { name: "meta", key: 1, counts: false, columns: &[("key", Text), ("value", Text)] },
];

impl Table {
    /// Up to `$1` rows; with `after`, those that come after the key in `$2` and on.
    pub(super) fn page(&self, after: bool) -> String {
        let key = self.names(self.key);
        let from = match after {
            true => format!("WHERE ({key}) > ({})", numbered(2, self.key)),
            false => String::new(),
        };
        let all = self.names(self.columns.len());
        format!("SELECT {all} FROM {} {from} ORDER BY {key} LIMIT $1", self.name)
    }

    pub(super) fn insert(&self) -> String {
        let all = self.columns.len();
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, self.names(all), numbered(1, all))
    }

    pub(super) fn count(&self) -> String {
        format!("SELECT count(*) FROM {}", self.name)
    }

    fn names(&self, count: usize) -> String {
        let names: Vec<&str> = self.columns.iter().take(count).map(|(name, _)| *name).collect();
        names.join(", ")
    }
}

fn numbered(first: usize, count: usize) -> String {
    let numbers: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    numbers.join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SQLITE: &str = include_str!("migrations/0001_ledger.sql");
    const POSTGRES: &str = include_str!("migrations/postgres/0001_ledger.sql");

    /// "table.column" for each column that a migration makes.
    fn made(migration: &str) -> BTreeSet<String> {
        let mut made = BTreeSet::new();
        let mut table = "";
        for line in migration.lines() {
            let word = line.split_whitespace().next().unwrap_or_default();
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                table = rest.split(' ').next().unwrap();
            } else if line.starts_with(')') {
                table = "";
            } else if !table.is_empty()
                && line.starts_with("    ")
                && word.starts_with(|letter: char| letter.is_ascii_lowercase())
            {
                made.insert(format!("{table}.{word}"));
            }
        }
        made
    }

    #[test]
    fn every_column_of_every_table_is_copied() {
        let copied: BTreeSet<String> = TABLES
            .iter()
            .flat_map(|table| {
                table.columns.iter().map(|(name, _)| format!("{}.{name}", table.name))
            })
            .collect();
        let only = |migration: &str| -> Vec<String> {
            made(migration).difference(&copied).cloned().collect()
        };

        assert!(copied.is_subset(&made(SQLITE)));
        assert!(copied.is_subset(&made(POSTGRES)));
        // Nobody has written these: they came before there was a store that is shared.
        insta::assert_debug_snapshot!(only(SQLITE), @r#"
        [
            "source.lease_fence",
            "source.lease_owner",
            "source.lease_until_ms",
        ]
        "#);
        insta::assert_debug_snapshot!(only(POSTGRES), @r#"
        [
            "lease.fence",
            "lease.name",
            "lease.owner",
            "lease.until_ms",
            "pace.arrival_us",
            "pace.notifier",
            "version.number",
        ]
        "#);
    }
}
