//! What a hostile plugin could try: lengths that promise memory, nesting that promises stack.

#![allow(clippy::unwrap_used)] // a test fails by it
#![allow(unsafe_code)] // an allocator that notes the largest request; `GlobalAlloc` is an unsafe trait

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use fieldrail_wire::frame::MAX_FRAME_BYTES;
use fieldrail_wire::{Decoder, Encoding, FrameError, FromPlugin, ToPlugin};

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

struct Noting;

fn note(size: usize) {
    LARGEST.with(|largest| largest.set(largest.get().max(size)));
}

// SAFETY: hands every call on to the system's allocator as it came; noting a size neither allocates nor unwinds.
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Noting = Noting;

/// The largest request for memory while the decoder takes these bytes, and what it says in the end.
fn largest(bytes: &[u8]) -> (usize, Result<Option<FromPlugin>, FrameError>) {
    let mut decoder = Decoder::default();
    decoder.buffer().extend_from_slice(bytes);
    LARGEST.set(0);
    let said = decoder.next();
    (LARGEST.get(), said)
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

#[test]
fn a_length_over_the_limit_is_refused_before_anything_is_allocated() {
    for length in [MAX_FRAME_BYTES + 1, 0x00ff_ffff] {
        let prefix = u32::try_from(length).unwrap().to_be_bytes();
        let (largest, said) = largest(&prefix);
        assert!(matches!(said, Err(FrameError::TooLong(named)) if named == length), "{said:?}");
        assert!(largest < 1024, "{largest} bytes");
    }
    // The first frame has set the encoding; a later length may begin with any byte.
    let mut decoder = Decoder::default();
    let progress = frame(&[0x81, 0xa8, b'p', b'r', b'o', b'g', b'r', b'e', b's', b's', 0x91, 0x01]);
    decoder.buffer().extend_from_slice(&progress);
    assert!(decoder.next::<FromPlugin>().unwrap().is_some());
    decoder.buffer().extend_from_slice(&[0xff; 4]);
    LARGEST.set(0);
    assert!(matches!(decoder.next::<FromPlugin>(), Err(FrameError::TooLong(0xffff_ffff))));
    assert!(LARGEST.get() < 1024);
}

#[test]
fn a_length_within_the_limit_reserves_no_more_than_the_frame() {
    let prefix = u32::try_from(MAX_FRAME_BYTES).unwrap().to_be_bytes();
    let (largest, said) = largest(&prefix);
    assert!(matches!(said, Ok(None)), "{said:?}");
    assert!(largest <= 2 * MAX_FRAME_BYTES, "{largest} bytes");
}

/// `{"KIND": body}` as `MessagePack`.
fn message(kind: &str, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(kind.len()).unwrap();
    frame(&[&[0x81, 0xa0 | length], kind.as_bytes(), body].concat())
}

#[test]
fn lengths_inside_of_a_frame_that_promise_more_than_the_frame_allocate_little() {
    let array = [0xdd, 0xff, 0xff, 0xff, 0xff];
    let (text, bytes, map) =
        ([0xdb, 0xff, 0xff, 0xff, 0xff], [0xc6, 0xff, 0xff, 0xff, 0xff], [0xdf, 0xff, 0xff, 0xff, 0xff]);
    let batch = |rest: &[u8]| [&[0x93, 0x01], rest].concat();
    let value = |rest: &[u8]| batch(&[&[0x90, 0x91, 0x92, 0x00], rest].concat());
    for body in [
        batch(&array),
        batch(&[&[0x90], &array[..]].concat()),
        value(&array),
        value(&text),
        value(&bytes),
        value(&map),
        value(&[0xc9, 0xff, 0xff, 0xff, 0xff, 0x01]),
    ] {
        let (largest, said) = largest(&message("samples", &body));
        assert!(matches!(said, Err(FrameError::NoMessage { .. })), "{said:?}");
        assert!(largest <= 4 << 20, "{largest} bytes for {body:02x?}");
    }
}

/// Runs in a thread with the stack that a worker of the daemon has.
fn on_a_small_stack(check: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(check).unwrap().join().unwrap();
}

#[track_caller]
fn check_refused(encoding: Encoding, bytes: &[u8], daemon: bool) {
    let mut decoder = Decoder::default();
    decoder.buffer().extend_from_slice(bytes);
    let error = if daemon {
        decoder.next::<ToPlugin>().map(drop).unwrap_err()
    } else {
        decoder.next::<FromPlugin>().map(drop).unwrap_err()
    };
    assert_eq!(decoder.encoding(), Some(encoding));
    assert!(matches!(error, FrameError::NoMessage { .. }), "{error}");
}

#[test]
fn deep_json_is_an_error_and_no_stack_overflow() {
    on_a_small_stack(|| {
        for depth in [200, 1_000_000] {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            for (before, after, daemon) in [
                (r#"{"configure":{"request":1,"config":"#, "}}\n", true),
                (r#"{"event":{"kind":"x","data":"#, "}}\n", false),
                (r#"{"samples":{"batch":1,"items":[{"tag":"a","value":"#, "}]}}\n", false),
            ] {
                let line = format!("{before}{open}{close}{after}");
                check_refused(Encoding::JsonLines, line.as_bytes(), daemon);
            }
            let objects = format!(
                "{{\"event\":{{\"kind\":\"x\",\"data\":{}1{}}}}}\n",
                r#"{"a":"#.repeat(depth),
                "}".repeat(depth)
            );
            check_refused(Encoding::JsonLines, objects.as_bytes(), false);
        }
    });
}

#[test]
fn deep_message_pack_is_an_error_and_no_stack_overflow() {
    on_a_small_stack(|| {
        for depth in [200, 1_000_000] {
            let arrays = [vec![0x91; depth], vec![0xc0]].concat();
            let maps = [[0x81, 0xa1, b'a'].repeat(depth), vec![0xc0]].concat();
            for nested in [&arrays, &maps] {
                check_refused(
                    Encoding::MessagePack,
                    &message("configure", &[&[0x92, 0x01], &nested[..]].concat()),
                    true,
                );
                check_refused(
                    Encoding::MessagePack,
                    &message("event", &[&[0x92, 0xa1, b'x'], &nested[..]].concat()),
                    false,
                );
                let batch = [&[0x93, 0x01, 0x90, 0x91, 0x92, 0x00], &nested[..]].concat();
                check_refused(Encoding::MessagePack, &message("samples", &batch), false);
            }
        }
    });
}

#[test]
fn a_json_document_inside_of_a_value_cannot_overflow_the_stack_either() {
    on_a_small_stack(|| {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        let line = format!(
            "{{\"samples\":{{\"batch\":1,\"items\":[{{\"tag\":0,\"value\":{{\"t\":\"json\",\"v\":\"{deep}\"}}}}]}}}}\n"
        );
        let mut decoder = Decoder::default();
        decoder.buffer().extend_from_slice(line.as_bytes());
        drop(decoder.next::<FromPlugin>());
        // A document in a document in a document, by the back door of `serde_json`.
        let mut nested = "1".to_owned();
        for _ in 0..12 {
            let text = format!("{}{}{}", "[".repeat(100), nested, "]".repeat(100));
            let quoted = serde_json::to_string(&text).unwrap();
            nested = format!("{{\"$serde_json::private::RawValue\":{quoted}}}");
        }
        let line = format!("{{\"event\":{{\"kind\":\"x\",\"data\":{nested}}}}}\n");
        decoder = Decoder::default();
        decoder.buffer().extend_from_slice(line.as_bytes());
        drop(decoder.next::<FromPlugin>());
    });
}
