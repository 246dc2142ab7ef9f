//! Hostile files, with the expected answer for each.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, users};
use reqwest::Method;
use serde_json::{Value, json};

use crate::files::{TURNED, path, upload};

/// A GIF of a single colour, a few bytes long.
fn gif(width: u16, height: u16) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    let mut gif = b"GIF89a".to_vec();
    gif.extend([&size[..], &[0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x2c, 0, 0, 0, 0], &size, &[0, 2]].concat());
    gif.extend([2, 0x4c, 0x01, 0, 0x3b]);
    gif
}

/// A PNG header with these dimensions and no pixels.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    png.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    png
}

#[tokio::test]
async fn hostile_content_is_neither_run_nor_decoded() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let with = |before: &[u8], after: &[u8]| [before, after].concat();
    let script = b"<script>alert(1)</script>";
    for (case, content) in [
        ("a page", with(b"<!doctype html>", script)),
        ("a page behind a byte order mark", with(b"\xef\xbb\xbf<html>", script)),
        ("a page in UTF-16", b"\xff\xfe<\0h\0t\0m\0l\0>\0".to_vec()),
        ("a drawing", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec()),
        ("a drawing behind a declaration", b"<?xml version='1.0'?><svg onload='alert(1)'/>".to_vec()),
        ("a script", b"#!/bin/sh\nrm -rf /\n".to_vec()),
        ("a PDF with a script", with(b"%PDF-1.7\n", script)),
        ("an archive with a page", with(b"PK\x03\x04", script)),
        ("a picture that is a script", with(b"GIF89a/*\x01\0\x01\0", b"*/=1;alert(1)")),
        ("a bomb of a claimed size", png(60_000, 60_000)),
        ("the head of a picture before a page", with(&TURNED[..40], script)),
        ("a program", b"\x7fELF\x02\x01\x01\0".to_vec()),
        ("zeros", vec![0; 5000]),
    ] {
        let request = ann.request(Method::POST, "files/?name=a.png").header("content-type", "image/png");
        let file = ann.send(request.body(content)).await.ok(201);
        let top = file["type"].as_str().expect("a type").split('/').next();
        assert!(matches!(top, Some("text" | "application")), "{case}: {file}");
        assert_eq!((&file["thumbnail"], &file["width"]), (&Value::Null, &Value::Null), "{case}");
        let read = ann.get(&path(&file)).await;
        assert!(read.header("content-disposition").starts_with("attachment"), "{case}");
        assert_eq!(read.header("content-security-policy"), "sandbox; default-src 'none'", "{case}");
        assert_eq!(read.header("x-content-type-options"), "nosniff", "{case}");
    }
    // An image is stored without the bytes after its end.
    let file = upload(&ann, "a.jpg", with(TURNED, script)).await.ok(201);
    let read = ann.request(Method::GET, &path(&file)).send().await.expect("an answer");
    let stored = read.bytes().await.expect("a body");
    assert!(!stored.windows(script.len()).any(|window| window == script), "the script is stored");
    // An image over the limits is stored, but not decoded.
    let file = upload(&ann, "a.gif", gif(65_535, 65_535)).await.ok(201);
    assert_eq!(file["thumbnail"], Value::Null, "{file}");
}

#[tokio::test]
async fn hostile_names_are_cleaned_and_served_in_headers() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    for (sent, stored) in [
        ("..%2f..%2fetc%2fshadow", "shadow"),
        ("C%3a%5cboot.ini", "boot.ini"),
        ("a%00b.png", "ab.png"),
        ("a%0d%0aSet-Cookie%3a%20x%3d1", "aSet-Cookie: x=1"),
        ("invoice%E2%80%AEfdp.exe", "invoicefdp.exe"),
        ("%E2%81%A6a%E2%81%A9.txt", "a.txt"),
        ("...", "file"),
        ("%2f", "file"),
        ("a%22%3b%20filename%3d%22b.html", "a\"; filename=\"b.html"),
        ("%FF%FE", "\u{fffd}\u{fffd}"),
    ] {
        let answer = upload(&ann, sent, "x").await;
        if answer.status == 400 {
            // Bytes that are not UTF-8 are not a name.
            assert_eq!(sent, "%FF%FE");
            continue;
        }
        let file = answer.ok(201);
        assert_eq!(file["name"], stored, "{sent}");
        let read = ann.get(&path(&file)).await;
        assert_eq!(read.status, 200, "{sent}");
        assert!(!read.headers.contains_key("set-cookie"), "{sent}");
        let disposition = read.header("content-disposition");
        assert_eq!(disposition.matches('"').count(), 2, "{disposition}");
    }
}

#[tokio::test]
async fn hostile_ranges_are_answered_whole_or_416() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let file = upload(&ann, "digits", "0123456789").await.ok(201);
    let many = format!("bytes={}", (0..500).map(|_| "0-9").collect::<Vec<_>>().join(","));
    for (range, status, text) in [
        ("bytes=9-0", 200, "0123456789"),
        ("bytes=8-9,0-1", 200, "0123456789"),
        ("bytes=0-9,0-9,0-9", 200, "0123456789"),
        (&many, 200, "0123456789"),
        ("bytes=0-18446744073709551615", 206, "0123456789"),
        ("bytes=0-18446744073709551616", 206, "0123456789"),
        ("bytes=-18446744073709551615", 206, "0123456789"),
        ("bytes=--1", 200, "0123456789"),
        ("pages=1-2", 200, "0123456789"),
        ("bytes=-0", 416, ""),
        ("bytes=10-", 416, ""),
    ] {
        let read = ann.send(ann.request(Method::GET, &path(&file)).header("range", range)).await;
        assert_eq!(read.status, status, "{range}");
        if status != 416 {
            assert_eq!(read.text, text, "{range}");
        }
    }
}

#[tokio::test]
async fn others_files_are_missing_like_guessed_ones() {
    let app = TestApp::start().await;
    let [ann, bob, eve] =
        <[Client; 3]>::try_from(users(&app.service(), &["ann", "bob", "eve"]).await).expect("three");
    let shared = group(&app.service(), &["ann", "bob", "eve"]).await;
    let other = group(&app.service(), &["ann", "bob"]).await;
    let attached = async |group: &str| {
        let file = upload(&ann, "photo.jpg", TURNED).await.ok(201);
        let message = json!({ "group": group, "attachments": [file["id"]] });
        let message = ann.post("messages/", message).await.ok(201);
        (file["id"].as_str().expect("an id").to_owned(), message["id"].as_str().expect("an id").to_owned())
    };
    let unused = upload(&ann, "photo.jpg", TURNED).await.ok(201);
    let (elsewhere, _) = attached(&other).await;
    let (seen, _) = attached(&shared).await;
    let (deleted, message) = attached(&shared).await;
    assert_eq!(eve.get(&format!("files/{seen}/a")).await.status, 200);
    ann.delete(&format!("messages/{message}/")).await.ok(200);
    app.service().patch(&format!("groups/{shared}/"), json!({ "remove": ["eve"] })).await.ok(200);
    for (case, id) in [
        ("a guessed id", "00000000-0000-4000-8000-000000000001"),
        ("not attached", unused["id"].as_str().expect("an id")),
        ("of another group", &*elsewhere),
        ("of a group that she was removed from", &*seen),
        ("of a deleted message", &*deleted),
    ] {
        for path in ["", "a.png", "thumbnail/image.webp"] {
            let read = eve.get(&format!("files/{id}/{path}")).await;
            assert_eq!(read.status, 404, "{case}: {path}");
        }
        let message = json!({ "group": other, "body": "x", "attachments": [id] });
        assert_eq!(
            bob.post("messages/", message).await.ok(400)["errors"][0]["field"],
            "attachments",
            "{case}"
        );
    }
    for path in ["not-an-id/a", "..%2f..%2fetc%2fpasswd/a", "%00/a"] {
        let read = ann.get(&format!("files/{path}")).await;
        assert!([400, 404].contains(&read.status), "{path}: {}", read.status);
    }
}
