//! The metrics of files.

use chinwag_testkit::client::Client;
use reqwest::Method;

use crate::file_copies::{IMAGE, read, upload};
use crate::program;

#[tokio::test]
async fn metrics_count_uploads_images_and_sent_bytes() {
    let program = program();
    let running = program.serve_with(|command| {
        command.env("CHINWAG_FILES__MAX_SIZE", "100000");
    });
    let ann = program.service(&running).user("ann").await;
    let text = upload(&ann, "a.txt", "some text").await;
    let image = upload(&ann, "a.jpg", IMAGE).await;
    // The signature of a PNG, followed by other bytes.
    upload(&ann, "b.png", &b"\x89PNG\r\n\x1a\n and no image"[..]).await;
    let request = ann.request(Method::POST, "files/?name=large").body(vec![b'x'; 200_000]);
    assert_eq!(ann.send(request).await.status, 413);
    let (status, _) = read(&ann, &image).await;
    assert_eq!(status, 200);

    let nobody = Client::new(running.url(), None, "nobody");
    let size = image["size"].as_f64().expect("a size");
    let expected = [
        ("chinwag_file_uploads_total{result=\"stored\"}", 3.0),
        ("chinwag_file_stored_bytes_total", 9.0 + size + 21.0),
        ("chinwag_images_total{result=\"thumbnail\"}", 1.0),
        ("chinwag_images_total{result=\"unreadable\"}", 1.0),
        ("chinwag_image_seconds_count", 2.0),
        ("chinwag_file_sent_bytes_total", size),
    ];
    for (name, value) in expected {
        assert!((nobody.figure(name).await - value).abs() < 0.5, "{name} is not {value}");
    }
    assert!(text["thumbnail"].is_null());
}
