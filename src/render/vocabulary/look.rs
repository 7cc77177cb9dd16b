//! Emoji and colour of an event: whether it is good or bad, seen before it is read.
//!
//! Of a group they are those of its worst event.

use serde_json::Value;

use super::Call;
use super::event::{changed_nothing, kind};
use super::group::events_of;
use super::sums::{Batch, batch_of};
use crate::model::EventKind;

const GREEN: u32 = 0x2e_b6_7d;
const AMBER: u32 = 0xe0_9b_1a;
const RED: u32 = 0xd6_36_4f;
const BLUE: u32 = 0x3b_82_d6;
const GREY: u32 = 0x8a_8f_98;

/// `emoji`
pub fn emoji(call: &Call<'_>) -> Value {
    emoji_of(worst_of(call.document())).into()
}

/// `colour`
pub fn colour(call: &Call<'_>) -> Value {
    rgb(worst_of(call.document())).into()
}

/// `colour_hex`
pub fn colour_hex(call: &Call<'_>) -> Value {
    format!("#{:06x}", rgb(worst_of(call.document()))).into()
}

/// The emoji of one event.
pub fn emoji_of(document: &Value) -> &'static str {
    match kind(document) {
        Some(EventKind::Succeeded) if changed_nothing(document) => "💤",
        Some(EventKind::Succeeded | EventKind::SourceUp | EventKind::NotifierUp) => "✅",
        Some(EventKind::Partial) => "⚠️",
        Some(EventKind::Failed | EventKind::SourceDown | EventKind::NotifierDown) => "❌",
        Some(EventKind::Cancelled) => "🚫",
        Some(EventKind::Queued) => "🕓",
        Some(EventKind::Started) => "▶️",
        Some(EventKind::Progress) => "⏳",
        Some(EventKind::Overdue | EventKind::Stalled) => "⏰",
        Some(EventKind::ProjectIdle) => match batch_of(document) {
            Batch::Good => "✅",
            Batch::Doubtful => "⚠️",
            Batch::Bad => "❌",
            Batch::Nothing => "🏁",
        },
        Some(EventKind::SpendCrossed) => "💳",
        Some(EventKind::Stopped | EventKind::Changed | EventKind::Vanished) | None => "❔",
    }
}

/// How bad an event is: what is to be told first, where not all can be, has the most.
pub fn severity(document: &Value) -> usize {
    [GREY, BLUE, GREEN, AMBER, RED]
        .iter()
        .position(|colour| *colour == rgb(document))
        .unwrap_or_default()
}

/// The event that speaks for a group: the worst, of several as bad the newest. The document
/// itself where it is no group.
fn worst_of(document: &Value) -> &Value {
    events_of(document).iter().max_by_key(|event| severity(event)).unwrap_or(document)
}

fn rgb(document: &Value) -> u32 {
    match kind(document) {
        Some(EventKind::Succeeded) if changed_nothing(document) => AMBER,
        Some(EventKind::Succeeded | EventKind::SourceUp | EventKind::NotifierUp) => GREEN,
        Some(EventKind::Failed | EventKind::SourceDown | EventKind::NotifierDown) => RED,
        Some(EventKind::Queued | EventKind::Started | EventKind::Progress) => BLUE,
        Some(EventKind::ProjectIdle) => match batch_of(document) {
            Batch::Good => GREEN,
            Batch::Doubtful => AMBER,
            Batch::Bad => RED,
            Batch::Nothing => GREY,
        },
        Some(EventKind::Cancelled) | None => GREY,
        Some(_) => AMBER,
    }
}
