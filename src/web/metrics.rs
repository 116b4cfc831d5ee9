//! `/metrics`, on the second listener only (`BRIDGE_OPS_LISTEN`), for Prometheus.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, web};

use super::error::{Answer, Refusal};
use super::views::problem::INTERNAL;
use crate::flow::health::Health;
use crate::metrics::Exposition;

/// The content type of `OpenMetrics` 1.0.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// GET `/metrics`
pub async fn show(health: web::Data<Health>, exposition: web::Data<Exposition>) -> Answer {
    let text = exposition.text(health.gauges());
    let text = text.map_err(|_| Refusal::new(INTERNAL))?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, OPEN_METRICS));
    Ok(response.body(text))
}
