//! An allocator that counts: what is held now, and what was held at the most.

#![allow(unsafe_code)] // `GlobalAlloc` is an unsafe trait, and no safe figure tells one megabyte from the next

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Hands everything on to the system's allocator.
pub(crate) struct Counting;

/// What glibc takes for so many bytes: its own word, whole sixteens, at least 32; large pieces are whole pages.
fn taken(size: usize) -> usize {
    const LARGE: usize = 128 * 1024;
    if size >= LARGE { (size + 16).next_multiple_of(4096) } else { (size + 8).next_multiple_of(16).max(32) }
}

fn grow(size: usize) {
    let held = HELD.fetch_add(taken(size), Ordering::Relaxed) + taken(size);
    PEAK.fetch_max(held, Ordering::Relaxed);
}

fn shrink(size: usize) {
    HELD.fetch_sub(taken(size), Ordering::Relaxed);
}

// SAFETY: every call is handed on as it came; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        shrink(layout.size());
        grow(size);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Bytes that are held now.
pub(crate) fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

/// What the work gives, and how many bytes more than before were held at the most while it ran.
pub(crate) fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = held();
    PEAK.store(before, Ordering::Relaxed);
    let done = work();
    (done, PEAK.load(Ordering::Relaxed).saturating_sub(before))
}
