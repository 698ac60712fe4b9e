//! The memory that the module has taken, what of it is in use, and how much more it may take.
//!
//! SECURITY: running out of it ends the module, and the host then leaves the filter out.

#![allow(unsafe_code)] // an allocator is pointers and layouts

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How far configurations may make it grow, in bytes. The host ends it at 1 GiB.
pub(super) const MOST: usize = 960 << 20;

/// How much all may take that is there, but for what is read of requests, in bytes: what
/// these make a module take is below 512 MiB, gaps included.
pub(super) const KEPT: usize = 448 << 20;

const PAGE: usize = 64 << 10;

/// Where the memory may not grow beyond. The module has one thread.
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// How much is in use.
static USED: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The system's allocator, and what is in use of it.
struct Counting;

/// What so many bytes take in the system's allocator: with a word before them, and in steps
/// of 16.
const fn with_overhead(size: usize) -> usize {
    size.saturating_add(19) & !15
}

// Never inlined, and without `self`: there are a thousand places that call these.

#[inline(never)]
unsafe fn alloc(size: usize, align: usize) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(size, align) else {
        return ptr::null_mut();
    };
    // SAFETY: whoever asks sees to it that the size is not 0.
    let memory = unsafe { System.alloc(layout) };
    if !memory.is_null() {
        let _ = USED.fetch_add(with_overhead(size), Ordering::Relaxed);
    }
    memory
}

#[inline(never)]
unsafe fn dealloc(memory: *mut u8, size: usize, align: usize) {
    let _ = USED.fetch_sub(with_overhead(size), Ordering::Relaxed);
    if let Ok(layout) = Layout::from_size_align(size, align) {
        // SAFETY: whoever gives it back was given it by `alloc`, for the same layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[inline(never)]
unsafe fn realloc(memory: *mut u8, old: usize, align: usize, size: usize) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(old, align) else {
        return ptr::null_mut();
    };
    // SAFETY: as for `dealloc`.
    let memory = unsafe { System.realloc(memory, layout, size) };
    if !memory.is_null() {
        let _ = USED.fetch_sub(with_overhead(old), Ordering::Relaxed);
        let _ = USED.fetch_add(with_overhead(size), Ordering::Relaxed);
    }
    memory
}

// SAFETY: whatever is asked is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to it, here and below.
        unsafe { alloc(layout.size(), layout.align()) }
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { dealloc(memory, layout.size(), layout.align()) }
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { realloc(memory, layout.size(), layout.align(), size) }
    }
}

/// Grows the memory for the system's allocator, in place of the function of wasi-libc of this
/// name, which knows no limit.
#[unsafe(no_mangle)]
extern "C" fn sbrk(by: isize) -> *mut u8 {
    let taken = taken();
    let by = usize::try_from(by).unwrap_or(usize::MAX);
    if by == 0 {
        return ptr::without_provenance_mut(taken);
    }
    let is_allowed = taken.saturating_add(by) <= LIMIT.load(Ordering::Relaxed);
    match is_allowed && core::arch::wasm32::memory_grow(0, by.div_ceil(PAGE)) != usize::MAX {
        true => ptr::without_provenance_mut(taken),
        false => ptr::without_provenance_mut(usize::MAX),
    }
}

/// How much has been taken of the host, in bytes. It never shrinks.
pub(super) fn taken() -> usize {
    core::arch::wasm32::memory_size(0).saturating_mul(PAGE)
}

/// How much of it is in use, in bytes.
pub(super) fn used() -> usize {
    USED.load(Ordering::Relaxed)
}

/// Whether there is room for so many bytes of a configuration.
pub(super) fn has_room(size: usize) -> bool {
    if taken().saturating_add(size) <= MOST {
        return true;
    }
    // There may be in what is taken: tried without taking more than that.
    LIMIT.store(MOST, Ordering::Relaxed);
    let mut room: Vec<u8> = Vec::new();
    let has_room = room.try_reserve_exact(size).is_ok();
    // Taken in earnest, whatever is made of it.
    black_box(room);
    LIMIT.store(usize::MAX, Ordering::Relaxed);
    has_room
}
