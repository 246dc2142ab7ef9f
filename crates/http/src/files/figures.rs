//! Metrics of files: uploads, prepared images, and bytes sent.

use std::time::Duration;

use chinwag_core::app::file::CompleteFile;
use metrics::{counter, histogram};

use crate::error::Problem;

/// The duration of preparing an image.
pub(crate) const IMAGE_SECONDS: &str = "chinwag_image_seconds";

/// Counts an upload that was completely received, refused or failed.
pub(super) fn count_upload(outcome: &Result<CompleteFile, Problem>) {
    match outcome {
        Ok(file) => {
            counter!("chinwag_file_uploads_total", "result" => "stored").increment(1);
            counter!("chinwag_file_stored_bytes_total").increment(file.size);
        }
        Err(_) => counter!("chinwag_file_uploads_total", "result" => "failed").increment(1),
    }
}

/// Counts a prepared image by result.
pub(super) fn count_image(result: &'static str, took: Duration) {
    counter!("chinwag_images_total", "result" => result).increment(1);
    histogram!(IMAGE_SECONDS).record(took.as_secs_f64());
}

/// Counts the bytes of files that were passed to connections.
pub(super) fn count_sent(bytes: usize) {
    counter!("chinwag_file_sent_bytes_total").increment(bytes as u64);
}
