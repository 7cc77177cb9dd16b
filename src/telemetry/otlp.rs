//! Traces for a collector: each poll and each attempt at a delivery is a span, with the log
//! lines that fall within it.
//!
//! Configured by the variables that OpenTelemetry gives every program
//! (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES`,
//! `OTEL_TRACES_SAMPLER`…: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>). What
//! cannot be exported is dropped: traces are no reason to hold up a message.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::{Subscriber, info, warn};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

/// One export may take so long; then its spans are dropped.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// At the end, what is left to export gets so long.
const LAST_EXPORT: Duration = Duration::from_secs(2);

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// The layer that turns spans into traces.
///
/// # Errors
/// What is wrong with the variables that configure it.
pub(super) fn layer<S>() -> Result<Box<dyn Layer<S> + Send + Sync>, String>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender::new()?)
        .build()
        .map_err(|cause| format!("traces cannot be exported: {cause}"))?;
    let resource = Resource::builder().with_service_name(env!("CARGO_PKG_NAME")).build();
    let provider =
        SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
    let tracer: SdkTracer = provider.tracer(env!("CARGO_PKG_NAME"));
    let _ = PROVIDER.set(provider);
    let ours = filter_fn(|metadata| {
        metadata.target().starts_with("descript_notify")
            && *metadata.level() <= tracing::Level::INFO
    });
    let layer = OpenTelemetryLayer::new(tracer).with_location(false).with_threads(false);
    Ok(layer.with_filter(ours).boxed())
}

/// Exports what has not been exported yet.
pub(super) fn flush() {
    if let Some(provider) = PROVIDER.get() {
        // What cannot be exported was told when it failed.
        let _ = provider.shutdown_with_timeout(LAST_EXPORT);
    }
}

/// Sends exports. The exporter has a thread of its own, outside the program's runtime.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    fails: AtomicBool,
}

impl Sender {
    fn new() -> Result<Self, String> {
        // Fails where there is one already, which is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|cause| format!("traces cannot be exported: {cause}"))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|cause| format!("traces cannot be exported: {cause}"))?;
        Ok(Self { client, runtime, fails: AtomicBool::new(false) })
    }

    /// Tells that exports fail, or work again, once each.
    fn tell(&self, problem: Option<&str>) {
        let failed = self.fails.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(reason) if !failed => warn!(
                reason = ?reason,
                "Traces are dropped: the collector does not take them; see \
                 OTEL_EXPORTER_OTLP_ENDPOINT."
            ),
            None if failed => info!("The collector takes traces again."),
            _ => {}
        }
    }
}

impl HttpClient for Sender {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let sent = self.runtime.block_on(self.client.send_bytes(request));
            // A collector's address may hold a password.
            let sent = sent.map_err(|error| match error.downcast::<reqwest::Error>() {
                Ok(error) => Box::new(error.without_url()) as HttpError,
                Err(other) => other,
            });
            match &sent {
                Ok(answer) if answer.status().is_success() => self.tell(None),
                Ok(answer) => self.tell(Some(&format!("it answers {}", answer.status()))),
                Err(error) => self.tell(Some(&in_words(error.as_ref()))),
            }
            sent
        })
    }
}

/// An error with its causes.
fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
