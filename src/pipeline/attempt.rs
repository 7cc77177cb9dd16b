//! One attempt: the delivery's document → rendered → sent. Nothing is written down here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing::Instrument as _;

use super::dispatch::DispatchParts;
use crate::deliver::{Failure, Receipt};
use crate::model::{DeliveryId, Envelope, Live, RuleView, grouped_document, without_download_url};
use crate::render::{RenderRequest, about};
use crate::store::Claimed;
use crate::telemetry;

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) claimed: Box<Claimed>,
    pub(super) result: Result<Receipt, Failure>,
    pub(super) started_at: Timestamp,
    pub(super) begun: Instant,
    pub(super) took: Duration,
}

/// Renders and sends one message, within the notifier's time-out.
pub(super) async fn attempt(parts: Arc<DispatchParts>, mut claimed: Claimed) -> Landed {
    let started_at = parts.clock.now();
    let begun = Instant::now();
    let delivery = &claimed.delivery;
    let rule = RuleView {
        name: delivery.rule.clone(),
        suppressed: delivery.suppressed,
        held: claimed.gathered_by,
    };
    let is_live = parts.settings.is_live() && !claimed.is_digest && !delivery.job_id.is_empty();
    // To edit a message again repeats nothing for those who read it.
    let edits = is_live && parts.settings.edits() && claimed.handle.is_some();
    let repeat = delivery.repeat && !edits;
    let mut events = std::mem::take(&mut claimed.events);
    let mut document = match events.len() {
        // A gathering of one is a message like any other.
        1 => events.remove(0).into_document(Some(&rule), repeat),
        _ => grouped_document(&events, Some(&rule), repeat).unwrap_or_default(),
    };
    if !delivery.include_download_url {
        document = without_download_url(document);
    }
    let policy = parts.policy.get();
    let rendered = policy.templates.render(&RenderRequest {
        kind: parts.settings.kind(),
        template: &delivery.template,
        document: &document,
        now: started_at,
        zone: &policy.zone,
    });
    if let Some(reason) = &rendered.fell_back {
        telemetry::template_failed(&parts.settings.name, &delivery.template, reason);
    }
    let envelope = Envelope {
        delivery_id: delivery.id.clone(),
        recipient: delivery.recipient.clone(),
        kind: delivery.kind,
        now: started_at,
        attempt: delivery.attempts,
        thread: thread_of(&delivery.source, &delivery.job_id),
        live: is_live.then(|| Live {
            handle: claimed.handle.clone(),
            terminal: delivery.kind.is_terminal(),
            about: about(&document),
        }),
    };
    let span = telemetry::delivery_span(&parts.settings.name, &delivery.id, delivery.attempts);
    let result = parts.notifier.send(&envelope, &rendered.message).instrument(span).await;
    Landed { claimed: Box::new(claimed), result, started_at, begun, took: begun.elapsed() }
}

/// The same for all messages about one job, and telling nothing about it.
fn thread_of(source: &str, job_id: &str) -> String {
    if job_id.is_empty() {
        return String::new();
    }
    DeliveryId::of("thread", source, job_id, "").to_string()
}
