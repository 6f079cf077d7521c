//! Counts for Prometheus.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::time::Duration;

/// The content type of the text format.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = [(&'static str, &'static str); 3];

/// What is counted.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Histogram,
    sent: Counter,
    received: Counter,
    /// How many requests are being answered.
    pub(super) open: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("portolan");
        let requests = Family::<Labels, Counter>::default();
        let seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        let (sent, received, open) = (Counter::default(), Counter::default(), Gauge::default());
        registry.register("requests", "Requests by endpoint, method and class of status", requests.clone());
        registry.register("answer_seconds", "Time until the head of an answer", seconds.clone());
        registry.register("sent_bytes", "Bytes of the bodies of answers", sent.clone());
        registry.register("received_bytes", "Bytes of the bodies of requests", received.clone());
        registry.register("open_requests", "Requests that are being answered", open.clone());
        Self { registry, requests, seconds, sent, received, open }
    }

    pub(super) fn count(
        &self,
        (endpoint, method, status): (&'static str, &'static str, u16),
        took: Duration,
        (received, sent): (u64, u64),
    ) {
        let class = match status {
            100..=199 => "1xx",
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        let labels = [("endpoint", endpoint), ("method", method), ("status", class)];
        self.requests.get_or_create(&labels).inc();
        self.seconds.observe(took.as_secs_f64());
        self.sent.inc_by(sent);
        self.received.inc_by(received);
    }

    /// The text that is answered.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
